import type { PullFile } from '../../base/pull-file.ts';
import { nameOf } from './weight-file.ts';
import type { WeightFile } from './weight-file.ts';

const adapterName =
  /^adapter_(?:model|weights)|^(?:learned_embeds|textual_inversion)|(?:^|[-_.])(?:q?lora|lycoris|loha|lokr|dora|ia3)(?:[-_.]|$)/;
const draft =
  /(?:^|[-_./])(?:mtp|eagle\d?|medusa|draft|drafter|draft_model|speculator|nextn|dflash)(?:[-_./]|$)|(?:^|\/)assistant(?:_model)?\//;

/** Weights that only change another model. Their names show this, or a PEFT config beside them and no config of a model. */
export function adapterWeights(files: readonly PullFile[], weights: readonly WeightFile[]): WeightFile[] {
  const paths = new Set(files.map(({ path }) => path.toLowerCase()));
  const has = (folder: string, name: string): boolean => paths.has(folder === '' ? name : `${folder}/${name}`);
  return weights.filter(
    ({ folder, path }) =>
      adapterName.test(nameOf(path).toLowerCase()) ||
      (has(folder, 'adapter_config.json') && !has(folder, 'config.json')),
  );
}

/** Heads and draft models that make the model faster. It runs without them, unless an index names them. */
export function sideWeights(weights: readonly WeightFile[], indexed: ReadonlySet<string>): WeightFile[] {
  return weights.filter(({ path }) => !indexed.has(path) && draft.test(path.toLowerCase()));
}
