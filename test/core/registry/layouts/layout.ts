import type { PullFile } from '../../../../src/core/base/pull-file.ts';
import type { RepoContents } from '../../../../src/core/registry/selection/contents.ts';
import type { LeftOut, LeftOutReason } from '../../../../src/core/registry/selection/left-out.ts';
import type { WeightFormat } from '../../../../src/core/base/categories.ts';

/** A made-up repo in the layout of a real one, with the fate of every file in it. */
export interface Layout {
  name: string;
  format: WeightFormat;
  files: PullFile[];
  selected: string[];
  leftOut: Pick<LeftOut, 'reason' | 'files' | 'bytes'>[];
  entryFile: string | undefined;
  contents: RepoContents;
}

export interface LayoutOptions {
  entry?: string;
  contents?: RepoContents;
}

const units: Record<string, number> = { B: 1, k: 1e3, M: 1e6, G: 1e9 };

/** A line is `path size`, with `- reason` behind it where the file stays behind. `{1..3}` stands for several lines. */
export function layout(name: string, format: WeightFormat, text: string, options: LayoutOptions = {}): Layout {
  const lines = text.trim().split('\n').flatMap(expand).map(parseLine);
  const left = Map.groupBy(
    lines.filter((line) => line.reason !== undefined),
    (line) => line.reason ?? '',
  );
  return {
    name,
    format,
    files: lines.map(({ path, size }) => ({ path, size })),
    selected: lines.flatMap(({ path, reason }) => (reason === undefined ? [path] : [])).toSorted(byCodeUnit),
    leftOut: [...left].map(([reason, group]) => ({
      reason: reason as LeftOutReason,
      files: group.length,
      bytes: group.reduce((sum, { size }) => sum + size, 0),
    })),
    entryFile: options.entry,
    contents: options.contents ?? {},
  };
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function expand(line: string): string[] {
  const found = /\{(\d+)\.\.(\d+)\}/.exec(line);
  if (!found) return [line];
  const [whole, from = '', to = ''] = found;
  const count = Number(to) - Number(from) + 1;
  return Array.from({ length: count }, (_, at) =>
    line.replace(whole, String(Number(from) + at).padStart(from.length, '0')),
  );
}

function parseLine(line: string) {
  const [about = '', reason] = line.split(' - ');
  const [path = '', size = ''] = about.trim().split(/\s+/);
  const [, digits, unit = 'B'] = /^([\d.]+)([BkMG])?$/.exec(size) ?? [];
  if (digits === undefined) throw new Error(`A line of a layout has no size: ${line}`);
  return { path, size: Math.round(Number(digits) * (units[unit] ?? 1)), reason: reason?.trim() };
}
