export interface StringLiteral {
  line: number;
  /** The text between the quotes. In a template, `…` stands for each value. */
  text: string;
}

/** A `/` after one of these begins a regular expression, not a division. */
const beforeRegex = /(?:^|[=(,:;[!&|?{}+]|=>|\b(?:return|typeof|case|in|of))\s*$/;

/** The string and template literals of a TypeScript source, without those in comments. */
export function stringLiterals(source: string): StringLiteral[] {
  const found: StringLiteral[] = [];
  let at = 0;

  const lineOf = (position: number): number => source.slice(0, position).split('\n').length;

  function quoted(quote: string): void {
    const start = at++;
    let text = '';
    while (at < source.length && source[at] !== quote) {
      if (source[at] === '\\') at++;
      text += source[at++] ?? '';
    }
    at++;
    found.push({ line: lineOf(start), text });
  }

  function template(): void {
    const start = at++;
    let text = '';
    while (at < source.length && source[at] !== '`') {
      if (source.startsWith('${', at)) {
        at += 2;
        code('}');
        text += '…';
      } else {
        if (source[at] === '\\') at++;
        text += source[at++] ?? '';
      }
    }
    at++;
    found.push({ line: lineOf(start), text });
  }

  function regex(): void {
    let inClass = false;
    for (at++; at < source.length && (inClass || source[at] !== '/'); at++) {
      if (source[at] === '\\') at++;
      else if (source[at] === '[') inClass = true;
      else if (source[at] === ']') inClass = false;
    }
    at++;
  }

  /** Reads code up to `end` at the same depth, or to the end of the source. */
  function code(end?: string): void {
    let depth = 0;
    while (at < source.length) {
      const sign = source[at] ?? '';
      if (depth === 0 && sign === end) return void at++;
      if (sign === '{') depth++;
      if (sign === '}') depth--;
      if (source.startsWith('//', at)) at = endOf('\n');
      else if (source.startsWith('/*', at)) at = endOf('*/') + 2;
      else if (sign === "'" || sign === '"') quoted(sign);
      else if (sign === '`') template();
      else if (sign === '/' && beforeRegex.test(source.slice(Math.max(0, at - 20), at))) regex();
      else at++;
    }
  }

  function endOf(mark: string): number {
    const end = source.indexOf(mark, at);
    return end === -1 ? source.length : end;
  }

  code();
  return found;
}
