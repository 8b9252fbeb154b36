import type { PullFile } from '../../base/pull-file.ts';
import { parseJson } from '../../base/parse-json.ts';
import { fileKind } from './file-kind.ts';
import { folderOf, nameOf } from './weight-file.ts';

/** What small files of a repo say about its weights. What could not be read is undefined. */
export interface RepoContents {
  /** Path of an index file → the paths of the files that it names. */
  indexes?: ReadonlyMap<string, readonly string[]>;
  /** Folders that `model_index.json` names. */
  components?: ReadonlySet<string> | undefined;
  adapterBase?: string | undefined;
}

/** The text of one file. Undefined if it is absent, too large or refused. */
export type ReadText = (path: string, maximumBytes: number) => Promise<string | undefined>;

const indexPattern = /\.(?:safetensors|bin)\.index(?:\.[^/]*)?\.json$/i;
const mostIndexes = 16;
/** DeepSeek-V3's index has 9 MB. */
const largestIndex = 16 * 1024 ** 2;
const smallFile = 1024 ** 2;
const longestName = 200;

export function isIndex(path: string): boolean {
  return indexPattern.test(path);
}

/** Reads the files that decide which copy of the weights is the model's. They are few and small: each check reads them. */
export async function readContents(files: readonly PullFile[], readText: ReadText): Promise<RepoContents> {
  const useful = files.filter(({ path }) => fileKind(path) === 'other');
  const indexes = useful.filter(({ path, size }) => isIndex(path) && size <= largestIndex).slice(0, mostIndexes);
  const parse = async (path: string, maximumBytes: number): Promise<unknown> =>
    parseJson((await readText(path, maximumBytes)) ?? '');
  const at = (name: string): boolean => useful.some(({ path, size }) => path === name && size <= smallFile);
  const named = await Promise.all(
    indexes.map(async ({ path }) => [path, filesOfIndex(path, await parse(path, largestIndex))] as const),
  );
  const components = at('model_index.json') ? await parse('model_index.json', smallFile) : undefined;
  const adapter = at('adapter_config.json') ? await parse('adapter_config.json', smallFile) : undefined;
  const base = fieldOf(adapter, 'base_model_name_or_path');
  return {
    indexes: new Map(named.flatMap(([path, paths]) => (paths ? [[path, paths]] : []))),
    components: componentsOf(components),
    adapterBase: typeof base === 'string' && base !== '' ? base.slice(0, longestName) : undefined,
  };
}

function filesOfIndex(path: string, index: unknown): string[] | undefined {
  const map = fieldsOf(fieldOf(index, 'weight_map'));
  if (!map) return undefined;
  const names = new Set(map.map(([, name]) => name).filter((name) => typeof name === 'string'));
  const folder = folderOf(path);
  return [...names].filter((name) => name === nameOf(name)).map((name) => (folder === '' ? name : `${folder}/${name}`));
}

/** `"vae": ["diffusers", "AutoencoderKL"]` names a folder. `[null, null]` means that the pipeline has no such component. */
function componentsOf(index: unknown): Set<string> | undefined {
  const named = fieldsOf(index)?.filter(([, value]) => Array.isArray(value) && typeof value[1] === 'string');
  return named && new Set(named.map(([name]) => name));
}

/** The fields of a JSON object. Undefined for other JSON. Not by zod: an index has up to 100,000 fields. */
function fieldsOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value);
}

function fieldOf(value: unknown, name: string): unknown {
  return fieldsOf(value)?.find(([field]) => field === name)?.[1];
}
