import type { FastifyInstance, FastifyReply } from 'fastify';
import { asEcolinkError } from '../core/base/errors.ts';
import type { EcolinkError } from '../core/base/errors.ts';
import type { Log } from '../core/base/log.ts';
import type { ClientAddresses } from './client-address.ts';
import type { FailureLimit } from './failure-limit.ts';
import type { HostCheck } from './host-check.ts';
import { alertFor, document, styleHash } from './html.ts';

/** A page at `<path>/<link>` with a form that can be submitted once. */
export interface FormPage {
  path: string;
  /** The form: empty, or with the typed values and their error. */
  form(link: string, tried?: { typed: URLSearchParams; error: EcolinkError }): Promise<string>;
  /** Submits the form. Returns the page that confirms it. */
  submit(link: string, typed: URLSearchParams): Promise<string>;
}

/**
 * With the policy `no-referrer`, forms send `Origin: null`, which the check of origins refuses. With `same-origin`, the
 * address with the link's id goes to this server alone.
 */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex',
};

const longestForm = 4096;
/** Of a guessed link or a guessed token. */
const failedStatuses = new Set([401, 403, 404]);

export interface FormPageDeps {
  checkHost: HostCheck;
  addresses: ClientAddresses;
  failures: FailureLimit;
}

/** A GET changes nothing: a chat may fetch the page for a preview of the link. */
export function formPage(app: FastifyInstance, log: Log, deps: FormPageDeps, page: FormPage): void {
  const { checkHost, addresses, failures } = deps;
  type Request = { Params: { link: string } };
  void app.register(async (own) => {
    own.addHook('onRequest', async ({ raw }) => {
      checkHost(raw);
      failures.check(addresses.of(raw));
    });
    own.addHook('onResponse', async ({ raw }, { statusCode }) => {
      if (failedStatuses.has(statusCode)) failures.spend(addresses.of(raw));
    });
    own.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: longestForm },
      (_request, body, done) => done(null, new URLSearchParams(String(body))),
    );
    own.get<Request>(`${page.path}/:link`, async ({ id, params }, reply) =>
      show(log, id, reply, () => page.form(params.link)),
    );
    own.post<Request>(`${page.path}/:link`, async ({ id, params, body }, reply) => {
      const typed = body instanceof URLSearchParams ? body : new URLSearchParams();
      return show(log, id, reply, async () => {
        try {
          return await page.submit(params.link, typed);
        } catch (thrown) {
          const error = asEcolinkError(thrown, id);
          if (error.code === 'link_not_found' || error.kind === 'unexpected') throw thrown;
          void reply.code(error.httpStatus);
          return page.form(params.link, { typed, error });
        }
      });
    });
  });
}

async function show(log: Log, request: string, reply: FastifyReply, work: () => Promise<string>) {
  try {
    return await reply.headers(headers).send(await work());
  } catch (thrown) {
    const error = asEcolinkError(thrown, request);
    if (error.kind === 'unexpected') log.error({ err: thrown, request }, 'a page failed');
    const title = error.kind === 'unexpected' ? 'That did not work' : 'This page is no longer valid';
    return reply
      .code(error.httpStatus)
      .headers(headers)
      .send(document(title, alertFor(error)));
  }
}
