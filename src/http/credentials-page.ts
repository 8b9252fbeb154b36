import type { CredentialLink } from '../core/access/credentials/credential-links.ts';
import type { Core } from '../core/core.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { escapeHtml } from '../core/base/format.ts';
import type { FormPage } from './form-page.ts';
import { alertFor, document, textField } from './html.ts';

/** `/credentials/<id>`: where one Hugging Face token is typed, once. */
export function credentialPage({ credentials: { links } }: Core): FormPage {
  return {
    path: '/credentials',
    form: async (link, tried) => formOf(await links.find(link), tried?.error),
    async submit(link, typed) {
      const { person } = await links.find(link);
      const ecolinkToken = typed.get('ecolink_token')?.trim() || undefined;
      const { credential, account } = await links
        .use(link, typed.get('value')?.trim() ?? '', ecolinkToken)
        .catch((thrown: unknown) => Promise.reject(underItsField(thrown)));
      return document(
        'Stored',
        `<p>The credential <b>${escapeHtml(credential)}</b> of <b>${escapeHtml(person.name)}</b> holds a token of the Hugging Face account <b>${escapeHtml(account)}</b>. You can close this page.</p>`,
      );
    },
  };
}

function formOf({ name, person, shared, needsToken }: CredentialLink, error?: EcolinkError): string {
  const own = {
    name: 'ecolink_token',
    label: `EcoLink token of ${person.name}`,
    hint: 'So that nobody else can fill this account.',
    secret: true,
  };
  const value = {
    name: 'value',
    label: 'Hugging Face token',
    hint: 'Read access is enough. It begins with hf_.',
    secret: true,
  };
  const fields = needsToken ? [own, value] : [value];
  const names = fields.map((field) => field.name);
  return document(
    'Add a Hugging Face token',
    `${alertFor(error, names)}<p>What you type is stored as the credential <b>${escapeHtml(name)}</b> in the EcoLink account of <b>${escapeHtml(person.name)}</b>${shared ? ', <b>shared with the team</b>' : ''}. It is encrypted, and nobody can read it back. If that is not your account, close this page.</p>
<form method="post">
${fields.map((field) => textField(field, error)).join('\n')}
<button>Store the token</button>
</form>`,
  );
}

/** The Hub's own word on a token knows nothing of where it was typed. */
function underItsField(thrown: unknown): unknown {
  if (!(thrown instanceof EcolinkError) || thrown.code !== 'token_refused') return thrown;
  return new EcolinkError(thrown.kind, thrown.code, thrown.message, { nextStep: thrown.nextStep, field: 'value' });
}
