import stringWidth from 'string-width';
import { plainText } from '../../core/base/format.ts';
import { paintState } from './colour.ts';
import { table } from './table.ts';
import type { TableOptions } from './table.ts';
import { cell, heading, isRow, rowsOf } from './values.ts';
import type { Row } from './values.ts';

/** Longer inner lists (a model with a thousand files) are cut here. `--json` has all items. */
const mostInnerRows = 20;

/** The width in files and pipes, which have no terminal. */
const usualWidth = 120;

/** One object: its plain fields as aligned lines, its inner lists as small tables below them. */
export function details(row: Row, options: TableOptions): string {
  const given = Object.entries(row).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  const inner = given.filter(([, value]) => isListOfRows(value)).map(([name, value]) => [name, rowsOf(value)] as const);
  const logs = inner.flatMap(([, rows]) => rows).filter(({ lines }) => Array.isArray(lines));
  // Logs are read, searched and piped: they are printed without any decoration.
  if (logs.length > 0) return logs.map((block) => textBlock(block, logs.length > 1)).join('\n');
  const plain = given.filter(([, value]) => !isListOfRows(value));
  const width = Math.max(0, ...plain.map(([name]) => stringWidth(heading(name))));
  const lines = plain.map(
    ([name, value]) =>
      `${heading(name).padEnd(width)}   ${painted(name, detail(name, value, width, options.now), options)}`,
  );
  return [lines.join('\n'), ...inner.map(([name, rows]) => section(name, rows, options))]
    .filter((text) => text !== '')
    .join('\n\n');
}

function painted(name: string, text: string, { colours }: TableOptions): string {
  return colours === true && name === 'state' ? paintState(text) : text;
}

function isListOfRows(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isRow);
}

/** Each sentence (a warning) has its own line. Short items share one line. */
function detail(name: string, value: unknown, width: number, now: number): string {
  const items: unknown[] = Array.isArray(value) ? value : [];
  if (!items.some((each) => String(each).includes(' '))) return cell(name, value, now);
  return items.map((each) => cell(name, each, now)).join(`\n${' '.repeat(width + 3)}`);
}

function section(name: string, rows: readonly Row[], options: TableOptions): string {
  const shown = rows.slice(0, mostInnerRows);
  const more = rows.length > shown.length ? `\n  … and ${rows.length - shown.length} more (--json shows all)` : '';
  return `${heading(name)}:\n${sectionBody(shown, options).replaceAll(/^(?=.)/gm, '  ')}${more}`;
}

/** A table if its lines fit. Otherwise each row is a block, so that nothing is cut off. */
function sectionBody(rows: readonly Row[], options: TableOptions): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const wide = table(columns, rows, { ...options, width: undefined });
  const room = (options.width ?? usualWidth) - 2;
  if (wide.split('\n').every((line) => stringWidth(line) <= room)) return wide;
  return rows.map((row) => details(row, options)).join('\n\n');
}

/** Lines of another program, without what a terminal would obey. */
function textBlock({ lines, ...rest }: Row, titled: boolean): string {
  const title = Object.entries(rest).map(([name, value]) => `${heading(name)} ${cell(name, value, 0)}`);
  const texts = Array.isArray(lines) ? lines.map((line) => plainText(String(line))) : [];
  return [...(titled ? [`--- ${title.join(', ')}`] : []), ...texts].join('\n');
}
