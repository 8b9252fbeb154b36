import type { FastifyInstance, FastifyReply } from 'fastify';
import { asEcolinkError } from '../core/base/errors.ts';
import type { EcolinkError } from '../core/base/errors.ts';
import type { Log } from '../core/base/log.ts';
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

/** A GET changes nothing: a chat may fetch the page for a preview of the link. */
export function formPage(app: FastifyInstance, log: Log, checkHost: HostCheck, page: FormPage): void {
  type Request = { Params: { link: string } };
  void app.register(async (own) => {
    own.addHook('onRequest', async (request) => checkHost(request.raw));
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
