import { scopes } from '../core/base/caller.ts';
import type { Scope } from '../core/base/caller.ts';
import type { EcolinkError } from '../core/base/errors.ts';
import { escapeHtml } from '../core/base/format.ts';
import type { Core, MadeToken } from '../core/core.ts';
import type { FormPage } from './form-page.ts';
import { alertFor, choiceField, document, textField } from './html.ts';

type Tried = { typed: URLSearchParams; error: EcolinkError };

/** `/tokens/<id>`: a page that makes one EcoLink token and shows it once. */
export function tokenPage({ tokens }: Core): FormPage {
  return {
    path: '/tokens',
    form: async (link, tried) => formOf(await tokens.links.find(link), tried),
    async submit(link, typed) {
      const made = await tokens.links.use(link, {
        name: typed.get('name')?.trim() ?? '',
        scopes: scopes.filter((scope) => typed.getAll('scopes').includes(scope)),
        agent: typed.get('agent') === 'yes',
        may_decide: typed.get('may_decide') === 'yes',
        expires_in: typed.get('expires_in')?.trim() || undefined,
      });
      return madePage(made, tokens.url('').replace(/\/tokens\/$/, ''));
    },
  };
}

const about: Record<Scope, { label: string; hint: string }> = {
  call: { label: 'Call models', hint: 'As the API key of an OpenAI client.' },
  read: { label: 'Look things up', hint: 'Models, instances, plans, approval requests.' },
  operate: { label: 'Do all that I may do', hint: 'Register, launch, stop; never more than your role allows.' },
};

function formOf({ person, mayDecide }: { person: { name: string }; mayDecide: boolean }, tried?: Tried): string {
  const error = tried?.error;
  const chosen = (name: string, value: string, otherwise: boolean): boolean =>
    tried ? tried.typed.getAll(name).includes(value) : otherwise;
  const who = [
    { value: 'no', label: 'Me, or a program of mine', hint: 'The command line, a script, an app.' },
    { value: 'yes', label: 'An AI assistant', hint: 'It acts for you. It can ask, but never decide.' },
  ];
  const fields = [
    textField(
      {
        name: 'name',
        label: 'Name',
        hint: 'The device or program that uses it, such as my-laptop.',
        value: tried?.typed.get('name') ?? '',
      },
      error,
    ),
    choiceField({
      name: 'agent',
      legend: 'Who uses it?',
      type: 'radio',
      choices: who.map((each) => ({ ...each, checked: chosen('agent', each.value, each.value === 'no') })),
    }),
    choiceField(
      {
        name: 'scopes',
        legend: 'What may it be used for?',
        type: 'checkbox',
        choices: scopes.map((scope) => ({ value: scope, ...about[scope], checked: chosen('scopes', scope, true) })),
      },
      error,
    ),
    textField(
      {
        name: 'expires_in',
        label: 'Valid for',
        hint: 'A number and m, h or d, such as 30d. Leave it empty for the usual time.',
        optional: true,
        value: tried?.typed.get('expires_in') ?? '',
      },
      error,
    ),
    ...(mayDecide ? [decidesField(chosen('may_decide', 'yes', false), error)] : []),
  ];
  return document(
    'Make an EcoLink token',
    `${alertFor(error, ['name', 'scopes', 'may_decide', 'expires_in'])}<p>The token acts for <b>${escapeHtml(person.name)}</b>. It is shown once, on the next page. If this is not you, close this page.</p>
<form method="post">
${fields.join('\n')}
<button>Make the token</button>
</form>`,
  );
}

function decidesField(checked: boolean, error?: EcolinkError): string {
  const choice = {
    value: 'yes',
    label: 'Approvals given with it count',
    hint: 'Leave it off unless you approve requests from the command line. Never for an assistant.',
    checked,
  };
  return choiceField({ name: 'may_decide', legend: 'May it decide?', type: 'checkbox', choices: [choice] }, error);
}

function madePage({ token, summary }: MadeToken, origin: string): string {
  const server = escapeHtml(origin);
  return document(
    `Your token ${summary.name}`,
    `<p>Copy it now: it is not shown again. Whoever has it can act for you.</p>
<p><code class="secret" tabindex="0">${escapeHtml(token)}</code></p>
<dl>
<dt>On the command line</dt><dd>Set <code>ECOLINK_TOKEN</code> to it, and <code>ECOLINK_URL</code> to <code>${server}</code>.</dd>
<dt>In an OpenAI client</dt><dd>It is the API key; the base URL is <code>${server}/v1</code>.</dd>
<dt>In an assistant, over MCP</dt><dd>The address is <code>${server}/mcp</code>, with the header <code>Authorization: Bearer</code> and the token.</dd>
</dl>
<p>${summary.expires_at === undefined ? '' : `It is valid until ${escapeHtml(summary.expires_at.slice(0, 10))}. `}To end it: <code>/ecolink token revoke ${escapeHtml(summary.name)}</code> in Slack, or <code>ecolink token revoke ${escapeHtml(summary.name)}</code>.</p>`,
  );
}
