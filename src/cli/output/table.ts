import stringWidth from 'string-width';
import { paintState } from './colour.ts';
import { cell, heading } from './values.ts';
import type { Row } from './values.ts';

const gap = '   ';

export interface TableOptions {
  /** Longer lines are cut. Undefined: nothing is cut. */
  width: number | undefined;
  now: number;
  /** States have colours. */
  colours?: boolean | undefined;
}

/** Columns without borders, like those of `kubectl get`. A column that is empty in every row is left out. */
export function table(columns: readonly string[], rows: readonly Row[], options: TableOptions): string {
  const shown = columns.filter((name) => rows.some((row) => !isEmpty(row[name])));
  const head = shown.map((name) => heading(name).toUpperCase());
  const lines = [head, ...rows.map((row) => shown.map((name) => tableCell(name, row[name], options.now)))];
  const full = shown.map((_, column) => Math.max(...lines.map((line) => stringWidth(line[column] ?? ''))));
  const widths = options.width === undefined ? full : narrowed(shown, full, options.width);
  const fitting = lines.map((line) => line.map((text, column) => shorten(text, widths[column] ?? 0)));
  const state = options.colours === true ? shown.indexOf('state') : -1;
  return fitting
    .map((line, row) => {
      const plain = fit(joinCells(line, widths), options.width);
      if (state === -1 || row === 0 || plain.endsWith('…')) return plain;
      return joinCells(line, widths, (text, column) => (column === state ? paintState(text) : text));
    })
    .join('\n');
}

/** The least width of a column that is shortened. */
const leastWidth = 8;
/** What people look for first is never shortened. */
const wholeColumns = new Set(['id', 'state', 'ready', 'replicas']);

/** Widths that fit into the line: the widest column gives way first. */
function narrowed(columns: readonly string[], full: readonly number[], width: number): number[] {
  const widths = [...full];
  let excess = sum(widths) + gap.length * (widths.length - 1) - width;
  for (; excess > 0; excess--) {
    const room = widths.map((each, index) => (wholeColumns.has(columns[index] ?? '') ? 0 : each - leastWidth));
    const most = Math.max(...room);
    if (most <= 0) break;
    const widest = Math.max(...widths.filter((_, index) => (room[index] ?? 0) > 0));
    const index = widths.findIndex((each, at) => each === widest && (room[at] ?? 0) > 0);
    widths[index] = widest - 1;
  }
  return widths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Leaves out the middle: names of models and claims differ at both ends. */
function shorten(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  const end = Math.floor((width - 1) / 2);
  const characters = charactersOf(text);
  const tail = startOf(characters.toReversed(), end).toReversed();
  return `${startOf(characters, width - 1 - end).join('')}…${tail.join('')}`;
}

/** What people see as one character. */
function charactersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

/** The first characters that are together no wider. */
function startOf(characters: readonly string[], width: number): string[] {
  let used = 0;
  return characters.filter((character) => (used += stringWidth(character)) <= width);
}

/** Twelve digits identify a commit. `get-model` and `--json` show all forty. */
function tableCell(name: string, value: unknown, now: number): string {
  const text = cell(name, value, now);
  return name === 'commit' ? text.slice(0, 12) : text;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function joinCells(
  line: readonly string[],
  widths: readonly number[],
  paint: (text: string, column: number) => string = (text) => text,
): string {
  return line
    .map((text, column) => paint(text + ' '.repeat((widths[column] ?? 0) - stringWidth(text)), column))
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
