import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { CredentialLink } from '../core/access/credentials-links.ts';
import type { Core } from '../core/core.ts';
import { asEcolinkError } from '../core/errors.ts';
import type { EcolinkError } from '../core/errors.ts';
import type { HostCheck } from './host-check.ts';

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}label,input{display:block;width:100%;box-sizing:border-box}input{font:inherit;padding:.5rem;margin:.25rem 0 1rem}button{font:inherit;padding:.5rem 1rem}.error{border-left:4px solid #b00020;padding-left:1rem}';
const styleHash = createHash('sha256').update(style).digest('base64');

/**
 * Forms send `Origin: null` where nothing may be told of the page they are on, and the check of origins refuses that:
 * hence `same-origin`, which shows the address, with the link's id in it, to this server alone.
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

/** `/credentials/<id>`: the page where one token is typed, once. Looking at it, as a preview of the link does, uses up nothing. */
export function credentialsPage(app: FastifyInstance, core: Core, checkHost: HostCheck): void {
  const { links } = core.credentials;
  void app.register(async (page) => {
    page.addHook('onRequest', async (request) => checkHost(request.raw));
    page.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: longestForm },
      (_request, body, done) => done(null, new URLSearchParams(String(body))),
    );
    page.get<{ Params: { link: string } }>('/credentials/:link', async (request, reply) =>
      show(core, request.id, reply, async () => formPage(await links.find(request.params.link))),
    );
    page.post<{ Params: { link: string } }>('/credentials/:link', async (request, reply) => {
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      const ecolinkToken = form.get('ecolink_token')?.trim() || undefined;
      return show(core, request.id, reply, async () => {
        const link = await links.find(request.params.link);
        try {
          const added = await links.use(request.params.link, form.get('value')?.trim() ?? '', ecolinkToken);
          return donePage(added.credential, added.account, link);
        } catch (thrown) {
          const error = asEcolinkError(thrown, request.id);
          if (error.code === 'link_not_found' || error.kind === 'unexpected') throw thrown;
          void reply.code(error.httpStatus);
          return formPage(link, error);
        }
      });
    });
  });
}

async function show(core: Core, requestId: string, reply: FastifyReply, work: () => Promise<string>) {
  try {
    return await reply.headers(headers).send(await work());
  } catch (thrown) {
    const error = asEcolinkError(thrown, requestId);
    if (error.kind === 'unexpected') core.log.error({ err: thrown, request: requestId }, 'a credential page failed');
    return reply
      .code(error.httpStatus)
      .headers(headers)
      .send(document('This page is over', errorBlock(error)));
  }
}

function formPage({ name, person, shared, needsToken }: CredentialLink, error?: EcolinkError): string {
  const ecolinkToken = needsToken
    ? `<label for="ecolink_token">EcoLink token of ${escape(person.name)}, so that nobody else can fill this account</label>
<input id="ecolink_token" name="ecolink_token" type="password" autocomplete="off" required>`
    : '';
  return document(
    'Add a Hugging Face token',
    `${error ? errorBlock(error) : ''}<p>What you type is stored as the credential <b>${escape(name)}</b> in the EcoLink account of <b>${escape(person.name)}</b>${shared ? ', <b>shared with the team</b>' : ''}. It is encrypted, and nobody can read it back. If that is not your account, close this page.</p>
<form method="post">${ecolinkToken}
<label for="value">Hugging Face token (read access is enough)</label>
<input id="value" name="value" type="password" autocomplete="off" spellcheck="false" required>
<button>Store</button></form>`,
  );
}

function donePage(name: string, account: string, { person }: CredentialLink): string {
  return document(
    'Stored',
    `<p>The credential <b>${escape(name)}</b> of <b>${escape(person.name)}</b> holds a token of the Hugging Face account <b>${escape(account)}</b>. You can close this page.</p>`,
  );
}

function errorBlock(error: EcolinkError): string {
  return `<p class="error">${escape(error.message)}<br>${escape(error.nextStep)}</p>`;
}

function document(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>EcoLink: ${escape(title)}</title><style>${style}</style></head><body><h1>${escape(title)}</h1>${body}</body></html>`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] as string);
}
