// C0 and C1 with DEL. Tabs and line breaks belong to text of several lines.
const all = new RegExp(String.raw`[\u0000-\u001F\u007F-\u009F]`);
const exceptBreaks = new RegExp(String.raw`[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]`);

/** For text of one line. */
export function hasControlCharacters(text: string): boolean {
  return all.test(text);
}

/** For text of several lines: tabs and line breaks are allowed. */
export function hasForbiddenCharacters(text: string): boolean {
  return exceptBreaks.test(text);
}
