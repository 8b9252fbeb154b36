/** What the values of one kind of token look like. */
interface TokenShape {
  prefix: string;
  /** Characters of the value, as in the class of a regular expression. */
  characters: string;
  /** From this length on a value counts, whatever its characters are. */
  full: number;
  /** A shorter value, such as the first half of one, counts if this many letters and digits in a row look random. */
  cut: number;
}

const lettersAndDigits = 'A-Za-z0-9';
const base64url = 'A-Za-z0-9_-';

const tokenShapes: readonly TokenShape[] = [
  // Hugging Face: people's tokens, OAuth and job tokens, and the older ones of organisations.
  { prefix: 'hf_', characters: lettersAndDigits, full: 30, cut: 8 },
  { prefix: 'hf_(?:oauth|jwt)_', characters: `.${base64url}`, full: 60, cut: 8 },
  { prefix: 'api_org_', characters: lettersAndDigits, full: 30, cut: 8 },
  // EcoLink: people's tokens, and the one of the machine's account.
  { prefix: 'eco_local_', characters: base64url, full: 8, cut: 8 },
  { prefix: 'eco_', characters: base64url, full: 40, cut: 8 },
  // Slack. The prefixes say enough.
  { prefix: 'xox[abcdeprs]-', characters: 'A-Za-z0-9%-', full: 8, cut: 8 },
  { prefix: 'xapp-[0-9]-', characters: 'A-Za-z0-9-', full: 8, cut: 8 },
  // GitHub and GitLab.
  { prefix: 'ghs_[0-9]{1,12}_', characters: `.${base64url}`, full: 60, cut: 8 },
  { prefix: 'gh[pousr]_', characters: lettersAndDigits, full: 30, cut: 8 },
  { prefix: 'github_pat_', characters: 'A-Za-z0-9_', full: 60, cut: 8 },
  { prefix: 'glpat-', characters: `.${base64url}`, full: 20, cut: 8 },
  // OpenAI, Anthropic and others with the same shape. "sk" is also the code of Slovak, so a short value needs more.
  { prefix: 'sk-(?:proj|svcacct|admin|ant|or)-', characters: base64url, full: 40, cut: 8 },
  { prefix: 'sk-', characters: lettersAndDigits, full: 32, cut: 16 },
];

/** A token starts a word. JSON writes the line break before it as `\n`, and URLs write a space as `%20`. */
const wordStart = String.raw`(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}))`;

/** Letters and digits in a row, with three capitals or digits and one letter among them: neither a word nor a date. */
function randomRun(length: number): string {
  return `(?=(?:[a-z]{0,16}[A-Z0-9]){3})(?=[0-9]{0,7}[A-Za-z])[A-Za-z0-9]{${length}}`;
}

// Every repetition inside a look-ahead has an upper bound: it keeps the time linear for every text.
const atWordStart = [
  ...tokenShapes.map(
    ({ prefix, characters, full, cut }) =>
      `${prefix}(?:[${characters}]{${full},}|(?=[${characters}]{0,24}?${randomRun(cut)})[${characters}]+)`,
  ),
  // Access key ids of AWS.
  '(?:AKIA[A-Z0-9]{8,}|ASIA[A-Z0-9]{16})(?![A-Za-z0-9])',
  // JSON web tokens: the header is an object, so it begins with {" in base64url.
  `(?<!-)eyJ[${base64url}]{8,2000}[.][${base64url}]{8,}(?:[.][${base64url}]*)*`,
];
// A whole token counts even inside a word, such as after the colour code of a terminal.
const anywhere = '(?:hf_|api_org_|gh[pousr]_)[A-Za-z0-9]{30,}';

const shape = new RegExp(`${wordStart}(?:${atWordStart.join('|')})|${anywhere}`);
const everyShape = new RegExp(shape, 'g');

/**
 * True if something in the text looks like the value of a token. The text may be plain or JSON.
 * This is the only definition: what inputs refuse and what logs redact is the same.
 */
export function looksLikeToken(text: string): boolean {
  return shape.test(text);
}

// The user and password of a URL, up to the last "@" of its authority. Two matches cannot overlap: neither has a slash.
const userInfo = /:\/\/[^\s/?#"'<>\\]{1,2000}@/g;

/** Replaces everything that looks like a token, and the user names and passwords of URLs. */
export function hideSecrets(text: string): string {
  return text.replace(userInfo, '://[redacted]@').replace(everyShape, '[redacted]');
}

/** Hides secrets, and the query strings of URLs, which may hold signatures and passwords. */
export function redact(text: string): string {
  return hideSecrets(text).replace(/(:\/\/[^\s"'?]+)(\?[^\s"']+)?/g, (_url, path: string, query: string | undefined) =>
    query === undefined ? path : `${path}?[redacted]`,
  );
}

/** The URL without its user name and password, such as that of a proxy. A text that is no URL stays as it is. */
export function withoutCredentials(url: string): string {
  return url.replace(userInfo, '://').replace(/^[^\s/?#@]{1,2000}@(?=[^\s/?#@]+$)/, '');
}
