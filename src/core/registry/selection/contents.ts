import type { PullFile } from '../../base/pull-file.ts';
import { fileKind } from './file-kind.ts';
import { folderOf, nameOf } from './weight-file.ts';

/** What small files inside a repo say about its weights. Whatever could not be read is absent. */
export interface RepoContents {
  /** Path of an index file → the paths of the files that it names. */
  indexes?: ReadonlyMap<string, readonly string[]>;
  /** Folders that `model_index.json` names. */
  components?: ReadonlySet<string>;
  adapterBase?: string;
}

/** The text of one file, or undefined where it is absent, too large or refused. */
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

/** Reads the files that decide which copy of the weights is the model's. Few and bounded: it runs at every check. */
export async function readContents(files: readonly PullFile[], readText: ReadText): Promise<RepoContents> {
  const useful = files.filter(({ path }) => fileKind(path) === 'other');
  const indexes = useful.filter(({ path, size }) => isIndex(path) && size <= largestIndex).slice(0, mostIndexes);
  const parse = async (path: string, maximumBytes: number): Promise<Record<string, unknown> | undefined> =>
    parseObject(await readText(path, maximumBytes));
  const at = (name: string): boolean => useful.some(({ path, size }) => path === name && size <= smallFile);
  const named = await Promise.all(
    indexes.map(async ({ path }) => [path, filesOfIndex(path, await parse(path, largestIndex))] as const),
  );
  const components = at('model_index.json') ? await parse('model_index.json', smallFile) : undefined;
  const adapter = at('adapter_config.json') ? await parse('adapter_config.json', smallFile) : undefined;
  const base = adapter?.['base_model_name_or_path'];
  return {
    indexes: new Map(named.flatMap(([path, paths]) => (paths ? [[path, paths]] : []))),
    ...(components ? { components: componentsOf(components) } : {}),
    ...(typeof base === 'string' && base !== '' ? { adapterBase: base.slice(0, longestName) } : {}),
  };
}

function filesOfIndex(path: string, index: Record<string, unknown> | undefined): string[] | undefined {
  const map = index?.['weight_map'];
  if (!isObject(map)) return undefined;
  const names = new Set(Object.values(map).filter((name) => typeof name === 'string'));
  const folder = folderOf(path);
  return [...names].filter((name) => name === nameOf(name)).map((name) => (folder === '' ? name : `${folder}/${name}`));
}

/** `"vae": ["diffusers", "AutoencoderKL"]` names a folder; `[null, null]` says that the pipeline does without. */
function componentsOf(index: Record<string, unknown>): Set<string> {
  const named = Object.entries(index).filter(([, value]) => Array.isArray(value) && typeof value[1] === 'string');
  return new Set(named.map(([name]) => name));
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
