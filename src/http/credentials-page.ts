import { EcolinkError } from '../core/base/errors.ts';
import { escapeHtml } from '../core/base/format.ts';
import type { Core, CredentialLink } from '../core/core.ts';
import type { FormPage } from './form-page.ts';
import { alertFor, document, textField } from './html.ts';

/** `/credentials/<id>`: a page to type one Hugging Face token, once. */
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
        `<p>The credential <b>${escapeHtml(credential)}</b> of <b>${escapeHtml(person.name)}</b> has a token of the Hugging Face account <b>${escapeHtml(account)}</b>. You can close this page.</p>`,
      );
    },
  };
}

function formOf({ name, person, shared, needsToken }: CredentialLink, error?: EcolinkError): string {
  const own = {
    name: 'ecolink_token',
    label: `EcoLink token of ${person.name}`,
    hint: 'It proves that the account is yours.',
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
    `${alertFor(error, names)}<p>The token is stored as the credential <b>${escapeHtml(name)}</b> in the EcoLink account of <b>${escapeHtml(person.name)}</b>${shared ? ', <b>shared with the team</b>' : ''}. It is encrypted, and nobody can read it back. If this is not your account, close this page.</p>
<form method="post">
${fields.map((field) => textField(field, error)).join('\n')}
<button>Store the token</button>
</form>`,
  );
}

/** The Hub's error does not know the field that the token was typed into. */
function underItsField(thrown: unknown): unknown {
  if (!(thrown instanceof EcolinkError) || thrown.code !== 'token_refused') return thrown;
  return new EcolinkError(thrown.kind, thrown.code, thrown.said, { nextStep: thrown.nextStep, field: 'value' });
}
