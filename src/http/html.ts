import { createHash } from 'node:crypto';
import type { EcolinkError } from '../core/base/errors.ts';
import { escapeHtml } from '../core/base/format.ts';
import { plainWords } from '../core/base/prose.ts';

const style = `
:root{color-scheme:light dark;--ink:#16201a;--soft:#55605a;--line:#78847d;--paper:#fff;--back:#f3f6f4;--accent:#14532d;--on-accent:#fff;--bad:#a3001b}
@media(prefers-color-scheme:dark){:root{--ink:#e8eeea;--soft:#a9b5ae;--line:#7f8c85;--paper:#161d19;--back:#0d120f;--accent:#86d7a2;--on-accent:#06210f;--bad:#ff9aa5}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:0 auto;padding:1.5rem 1rem 3rem;background:var(--paper);min-height:100vh}
@media(min-width:36rem){main{margin:3rem auto;padding:2rem;min-height:0;border-radius:.75rem;box-shadow:0 1px 3px #0003}}
.brand{margin:0;color:var(--accent);font-weight:700}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
form>*{margin:0 0 1.5rem}
fieldset{border:0;padding:0}
label,legend{font-weight:600;padding:0}
.hint{margin:0 0 .4rem;color:var(--soft);font-size:.9rem}
input[type=text],input[type=password]{display:block;width:100%;min-height:2.75rem;padding:.5rem .75rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:.4rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
[aria-invalid]{border:2px solid var(--bad)!important}
.wrong{margin:.4rem 0 0;color:var(--bad);font-weight:600}
.alert{margin:0 0 1.5rem;padding:.75rem 1rem;border:2px solid var(--bad);border-radius:.4rem}
.choice{display:flex;gap:.65rem;padding:.4rem 0;font-weight:400}
.choice input{flex:none;width:1.15rem;height:1.15rem;margin:.2rem 0 0;accent-color:var(--accent)}
.choice .hint{margin:0;display:block}
button{min-height:2.75rem;padding:.5rem 1.5rem;font:inherit;font-weight:600;color:var(--on-accent);background:var(--accent);border:0;border-radius:.4rem;cursor:pointer}
@media(max-width:30rem){button{width:100%}}
code{font-family:ui-monospace,monospace;font-size:.95em;overflow-wrap:anywhere}
.secret{display:block;padding:.75rem;border:1px solid var(--line);border-radius:.4rem;user-select:all;-webkit-user-select:all}
dt{font-weight:600}dd{margin:0 0 .75rem}
`;

/** For the `Content-Security-Policy`: the page may use this style only. */
export const styleHash = createHash('sha256').update(style).digest('base64');

/** A whole page. It needs no script and fits every window. */
export function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)} · EcoLink</title><style>${style}</style></head>
<body><main><p class="brand">EcoLink</p><h1>${escapeHtml(title)}</h1>
${body}
</main></body></html>`;
}

export interface TextField {
  name: string;
  label: string;
  hint?: string;
  /** Hides what is typed. */
  secret?: boolean;
  optional?: boolean;
  value?: string;
}

/** A labelled input. Its error is shown below it, is read with it by screen readers, and gives it the focus. */
export function textField({ name, label, hint, secret, optional, value }: TextField, error?: EcolinkError): string {
  const wrong = error?.field === name ? error : undefined;
  const told = [...(hint === undefined ? [] : [`${name}-hint`]), ...(wrong ? [`${name}-wrong`] : [])];
  const attributes = [
    `id="${name}" name="${name}" type="${secret ? 'password' : 'text'}"${optional ? '' : ' required'}`,
    'autocomplete="off" autocapitalize="none" spellcheck="false"',
    ...(value === undefined ? [] : [`value="${escapeHtml(value)}"`]),
    ...(told.length > 0 ? [`aria-describedby="${told.join(' ')}"`] : []),
    ...(wrong ? ['aria-invalid="true" autofocus'] : []),
  ];
  return `<div><label for="${name}">${escapeHtml(label)}</label>
${hint === undefined ? '' : `<p class="hint" id="${name}-hint">${escapeHtml(hint)}</p>`}<input ${attributes.join(' ')}>
${wrong ? wrongLine(name, wrong) : ''}</div>`;
}

export interface Choice {
  value: string;
  label: string;
  hint: string;
  checked: boolean;
}

/** Radio buttons or checkboxes. */
export function choiceField(
  { name, legend, type, choices }: { name: string; legend: string; type: 'radio' | 'checkbox'; choices: Choice[] },
  error?: EcolinkError,
): string {
  const wrong = error?.field === name ? error : undefined;
  const rows = choices.map(
    ({ value, label, hint, checked }, index) =>
      `<label class="choice"><input type="${type}" name="${name}" value="${escapeHtml(value)}"${checked ? ' checked' : ''}${wrong && index === 0 ? ' autofocus' : ''}><span>${escapeHtml(label)}<span class="hint">${escapeHtml(hint)}</span></span></label>`,
  );
  return `<fieldset${wrong ? ` aria-describedby="${name}-wrong"` : ''}><legend>${escapeHtml(legend)}</legend>
${rows.join('\n')}
${wrong ? wrongLine(name, wrong) : ''}</fieldset>`;
}

function wrongLine(name: string, error: EcolinkError): string {
  return `<p class="wrong" id="${name}-wrong">${escapeHtml(error.message)} ${escapeHtml(plainWords(error.nextStep))}</p>`;
}

/** An error that belongs to no field of the form. Empty if a field shows it. */
export function alertFor(error: EcolinkError | undefined, fields: readonly string[] = []): string {
  if (!error || (error.field !== undefined && fields.includes(error.field))) return '';
  return `<div class="alert" role="alert"><strong>${escapeHtml(error.message)}</strong><br>${escapeHtml(plainWords(error.nextStep))}</div>`;
}
