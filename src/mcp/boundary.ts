import { plainLines } from '../core/base/format.ts';
import { hideSecrets } from '../core/base/secret-shapes.ts';

/** Characters of one text. Longer ones are cut, and end with an ellipsis. */
const mostCharacters = 2000;

/**
 * Fields whose texts come from repos, engines, clusters or people. The assistant is told to treat them as data. An
 * object is listed by the name of its field, with everything inside it.
 */
const fromElsewhere: ReadonlySet<string> = new Set([
  'arguments',
  'asked_because',
  'changes',
  'example',
  'files',
  'left_out',
  'licence',
  'lines',
  'logs',
  'message',
  'reason',
  'summary',
  'votes',
  'what',
]);

/** Characters that show nothing, but that a model reads: zero-width ones, soft hyphens, variation selectors and tags. */
const invisible = /[\p{Default_Ignorable_Code_Point}\uFFF9-\uFFFB]/gu;

/**
 * The one place where texts leave for an assistant. Removes escape sequences, control characters, marks that change the
 * direction of writing and invisible characters. Hides tokens, and cuts what is too long.
 */
export function safeText(text: string): string {
  // Twice: a removed character may have been inside a token or an escape sequence.
  const clean = hideSecrets(plainLines(plainLines(text).replace(invisible, '')));
  return clean.length <= mostCharacters ? clean : `${cutAt(clean, mostCharacters - 1)}…`;
}

/** Does not cut a surrogate pair in two. */
function cutAt(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}

/** The value with every text made safe, at every depth. Names of fields are ours. */
export function safeValue(value: unknown): unknown {
  if (typeof value === 'string') return safeText(value);
  if (Array.isArray(value)) return value.map(safeValue);
  return typeof value === 'object' && value !== null ? safeObject(value) : value;
}

export function safeObject(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, safeValue(each)]));
}

/** The fields of a result that hold texts from elsewhere, such as `failure.message` and `items.reason`. */
export function untrustedFields(value: object): string[] {
  return [...new Set(Object.entries(value).flatMap(([name, each]) => fieldsIn(name, each)))];
}

function fieldsIn(name: string, value: unknown): string[] {
  const own = name.split('.').at(-1) ?? name;
  if (fromElsewhere.has(own)) return holdsText(value) ? [name] : [];
  if (Array.isArray(value)) return value.flatMap((each) => fieldsIn(name, each));
  return entriesOf(value).flatMap(([inner, each]) => fieldsIn(`${name}.${inner}`, each));
}

function holdsText(value: unknown): boolean {
  return typeof value === 'string' ? value !== '' : entriesOf(value).some(([, each]) => holdsText(each));
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}
