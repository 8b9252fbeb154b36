import stringWidth from 'string-width';
import { plainText } from '../../core/base/format.ts';
import { table } from './table.ts';
import type { TableOptions } from './table.ts';
import { cell, heading, isRow } from './values.ts';
import type { Row } from './values.ts';

/** Longer inner lists (a model of a thousand files) are cut here; `--json` has all of them. */
const mostInnerRows = 20;

/** Of lines in files and pipes, where no terminal sets one. */
const usualWidth = 120;

/** One object: its plain fields as aligned lines, its inner lists as small tables below them. */
export function details(row: Row, options: TableOptions): string {
  const given = Object.entries(row).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  const inner = given.filter(([, value]) => isRows(value));
  const texts = inner.flatMap(([, value]) => value as Row[]).filter(isTextBlock);
  // Logs are read, searched and piped: nothing is put around them.
  if (texts.length > 0) return texts.map((block) => textBlock(block, texts.length > 1)).join('\n');
  const plain = given.filter(([, value]) => !isRows(value));
  const width = Math.max(0, ...plain.map(([name]) => stringWidth(heading(name))));
  const lines = plain.map(
    ([name, value]) => `${heading(name).padEnd(width)}   ${detail(name, value, width, options.now)}`,
  );
  return [lines.join('\n'), ...inner.map(([name, value]) => section(name, value as Row[], options))]
    .filter((part) => part !== '')
    .join('\n\n');
}

function isRows(value: unknown): value is Row[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRow);
}

/** Sentences (warnings) stand on a line each; short items share one. */
function detail(name: string, value: unknown, width: number, now: number): string {
  const sentences = Array.isArray(value) && value.some((each) => String(each).includes(' '));
  if (!sentences) return cell(name, value, now);
  return (value as unknown[]).map((each) => cell(name, each, now)).join(`\n${' '.repeat(width + 3)}`);
}

function section(name: string, rows: readonly Row[], options: TableOptions): string {
  const shown = rows.slice(0, mostInnerRows);
  const more = rows.length > shown.length ? `\n  … and ${rows.length - shown.length} more (--json shows all)` : '';
  return `${heading(name)}:\n${sectionBody(shown, options).replaceAll(/^(?=.)/gm, '  ')}${more}`;
}

/** A table where its lines fit; else each row as a block of its own, so that nothing is cut off. */
function sectionBody(rows: readonly Row[], options: TableOptions): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const wide = table(columns, rows, { ...options, width: undefined });
  const room = (options.width ?? usualWidth) - 2;
  if (wide.split('\n').every((line) => stringWidth(line) <= room)) return wide;
  return rows.map((row) => details(row, options)).join('\n\n');
}

type TextBlock = Row & { lines: string[] };

function isTextBlock(row: Row): row is TextBlock {
  return Array.isArray(row['lines']);
}

/** Lines that another program wrote: as they are, without what a terminal would obey. */
function textBlock({ lines, ...rest }: TextBlock, titled: boolean): string {
  const title = Object.entries(rest).map(([name, value]) => `${heading(name)} ${cell(name, value, 0)}`);
  return [...(titled ? [`--- ${title.join(', ')}`] : []), ...lines.map((line) => plainText(line))].join('\n');
}
