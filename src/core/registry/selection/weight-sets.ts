import type { RepoContents } from './contents.ts';
import { isIndex } from './contents.ts';
import { nameOf, parseIndexName } from './weight-file.ts';
import type { WeightFile } from './weight-file.ts';

/** One copy of one part of a model: a single file or all its shards. */
export interface WeightSet extends Pick<WeightFile, 'folder' | 'format' | 'stem' | 'variant' | 'isMain'> {
  files: WeightFile[];
  bytes: number;
  /** Names of shards that should be there and are not. */
  missing: string[];
  /** An index file describes this copy. */
  isIndexed: boolean;
}

/** Groups weights into copies. An index decides which files belong together. Without a readable one, the names do. */
export function weightSets(
  weights: readonly WeightFile[],
  allPaths: readonly string[],
  contents: RepoContents,
): WeightSet[] {
  const indexed = [...(contents.indexes ?? [])].flatMap(([path, named]) => setOfIndex(path, named, weights));
  const taken = new Set(indexed.flatMap((set) => set.files));
  const groups = Map.groupBy(
    weights.filter((weight) => !taken.has(weight)),
    ({ folder, format, stem, variant, shard }) => [folder, format, stem, variant, shard?.total ?? ''].join('|'),
  );
  // An index that could be read has been used above.
  const unread = allPaths.filter((path) => isIndex(path) && !contents.indexes?.has(path));
  const described = unread.flatMap((path) => parseIndexName(path) ?? []);
  return [...indexed, ...[...groups.values()].flatMap((files) => setOfNames(files, described))];
}

function setOfIndex(path: string, named: readonly string[], weights: readonly WeightFile[]): WeightSet[] {
  const about = parseIndexName(path);
  const wanted = new Set(named);
  const files = weights.filter((weight) => wanted.has(weight.path));
  // If all files of an index are gone, the names of the other files decide.
  if (!about || files.length === 0) return [];
  const present = new Set(files.map((weight) => weight.path));
  const missing = named.filter((each) => !present.has(each)).map(nameOf);
  return [{ ...about, isMain: true, files, bytes: bytesOf(files), missing, isIndexed: true }];
}

type Described = Pick<WeightFile, 'folder' | 'format' | 'stem' | 'variant'>;

function setOfNames(files: WeightFile[], described: readonly Described[]): WeightSet[] {
  const [first] = files;
  if (!first) return [];
  const { folder, format, stem, variant, isMain } = first;
  const isIndexed =
    first.shard !== undefined &&
    described.some(
      (index) => index.folder === folder && index.format === format && index.stem === stem && index.variant === variant,
    );
  return [
    { folder, format, stem, variant, isMain, files, bytes: bytesOf(files), missing: missingShards(files), isIndexed },
  ];
}

export function bytesOf(files: readonly WeightFile[]): number {
  return files.reduce((sum, { file }) => sum + file.size, 0);
}

const mostMissing = 5;

/** Names of shards that are missing according to the numbers of the others. Some repos count from 0, some from 1. */
export function missingShards(files: readonly WeightFile[]): string[] {
  const sharded = files.flatMap(({ path, shard }) => (shard ? [{ path, ...shard }] : []));
  const [first] = sharded;
  if (!first) return [];
  const numbers = new Set(sharded.map(({ number }) => number));
  const start = numbers.has(0) ? 0 : 1;
  const total = first.total ?? Math.max(...numbers) - start + 1;
  if (numbers.size >= total) return [];
  const missing: string[] = [];
  for (let number = start; number < start + total && missing.length < mostMissing; number += 1) {
    if (!numbers.has(number)) missing.push(nameWithNumber(first, number));
  }
  return missing;
}

function nameWithNumber(
  { path, total, number: own }: { path: string; total: number | undefined; number: number },
  number: number,
): string {
  const pattern = total === undefined ? /(\d{2,6})(?=\.[a-z]+$)/i : /(\d{1,6})(?=[-_]of[-_])/i;
  return nameOf(path).replace(pattern, (digits) =>
    Number(digits) === own ? String(number).padStart(digits.length, '0') : digits,
  );
}
