import stringWidth from 'string-width';
import { cell, heading } from './values.ts';
import type { Row } from './values.ts';

const gap = '   ';

export interface TableOptions {
  /** Longer lines are cut. Undefined: nothing is cut. */
  width: number | undefined;
  now: number;
}

/** Columns without borders, like those of `kubectl get`. A column that is empty in every row is left out. */
export function table(columns: readonly string[], rows: readonly Row[], options: TableOptions): string {
  const shown = columns.filter((name) => rows.some((row) => !isEmpty(row[name])));
  const head = shown.map((name) => heading(name).toUpperCase());
  const lines = [head, ...rows.map((row) => shown.map((name) => tableCell(name, row[name], options.now)))];
  const widths = shown.map((_, column) => Math.max(...lines.map((line) => stringWidth(line[column] ?? ''))));
  return lines.map((line) => fit(joinCells(line, widths), options.width)).join('\n');
}

/** Twelve digits identify a commit. `get-model` and `--json` show all forty. */
function tableCell(name: string, value: unknown, now: number): string {
  const text = cell(name, value, now);
  return name === 'commit' ? text.slice(0, 12) : text;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function joinCells(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, column) => text + ' '.repeat((widths[column] ?? 0) - stringWidth(text)))
    .join(gap)
    .trimEnd();
}

/** Cuts by display width: a wide character counts as two. */
export function fit(line: string, width: number | undefined): string {
  if (width === undefined || stringWidth(line) <= width) return line;
  let cut = '';
  let used = 0;
  for (const character of line) {
    used += stringWidth(character);
    if (used > width - 1) break;
    cut += character;
  }
  return `${cut}…`;
}
