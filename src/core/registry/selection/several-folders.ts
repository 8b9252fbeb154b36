import type { PullFile } from '../../base/pull-file.ts';
import { copyFolderOf } from './copy-folder.ts';
import { severalModels } from './refusals.ts';
import type { WeightFile } from './weight-file.ts';
import { bytesOf } from './weight-sets.ts';

const tokenizer = /^(?:tokenizer(?:_config)?\.json|tokenizer\.model|vocab\.(?:json|txt)|spiece\.model|tekken\.json)$/;
const together = /^(?:(?:modular_)?model_index\.json|modules\.json|config\.json|params\.json)$/;

/**
 * Refuses a collection of models: no weights at the top, and folders that each have weights, a config and a tokenizer. The
 * parts of one model share a tokenizer.
 */
export function refuseSeveralFolders(files: readonly PullFile[], weights: readonly WeightFile[]): void {
  if (files.some(({ path }) => together.test(path)) || weights.some(({ folder }) => folder === '')) return;
  const folders = Map.groupBy(weights, ({ path }) => path.slice(0, path.indexOf('/')));
  const names = [...folders.keys()];
  const has = (folder: string, is: (name: string) => boolean): boolean =>
    files.some(({ path }) => path.startsWith(`${folder}/`) && is(path.slice(folder.length + 1)));
  const isModel = (folder: string): boolean =>
    has(folder, (name) => name === 'config.json') && has(folder, (name) => tokenizer.test(name));
  if (names.length < 2 || !names.every((name) => isModel(name) && copyFolderOf(`${name}/x`) === undefined)) return;
  throw severalModels(names.map((name) => ({ name, pattern: `${name}/**`, bytes: bytesOf(folders.get(name) ?? []) })));
}
