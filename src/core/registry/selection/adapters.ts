import type { PullFile } from '../../base/pull-file.ts';
import { nameOf } from './weight-file.ts';
import type { WeightFile } from './weight-file.ts';

const adapterName = /^adapter_(?:model|weights)|(?:^|[-_.])(?:q?lora|lycoris|loha|lokr|dora|ia3)(?:[-_.]|$)/;
const draft = /(?:^|[-_./])(?:mtp|eagle\d?|medusa|draft|drafter|draft_model|speculator|nextn|dflash)(?:[-_./]|$)/;

/** Weights that only change another model: by their names, or because PEFT's config lies beside them and no model's. */
export function adapterWeights(files: readonly PullFile[], weights: readonly WeightFile[]): WeightFile[] {
  const paths = new Set(files.map(({ path }) => path.toLowerCase()));
  const has = (folder: string, name: string): boolean => paths.has(folder === '' ? name : `${folder}/${name}`);
  return weights.filter(
    ({ folder, path }) =>
      adapterName.test(nameOf(path).toLowerCase()) ||
      (has(folder, 'adapter_config.json') && !has(folder, 'config.json')),
  );
}

/** Heads and draft models that speed the model up: it runs without them. An index that names one makes it a part. */
export function sideWeights(weights: readonly WeightFile[], indexed: ReadonlySet<string>): WeightFile[] {
  return weights.filter(({ path }) => !indexed.has(path) && draft.test(path.toLowerCase()));
}
