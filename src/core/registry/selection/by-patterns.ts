import type { PullFile } from '../../base/pull-file.ts';
import type { WeightFormat } from '../../base/categories.ts';
import { adapterWeights } from './adapters.ts';
import type { Chosen } from './by-choice.ts';
import { entryOf, isGguf, noGgufModel, projectorsOf } from './choose-gguf.ts';
import type { RepoContents } from './contents.ts';
import { fileKind } from './file-kind.ts';
import { isAdapter, missingShardsError } from './refusals.ts';
import { nameOf, parseWeight } from './weight-file.ts';
import { weightSets } from './weight-sets.ts';

const order: WeightFormat[] = ['safetensors', 'gguf', 'pytorch', 'onnx'];

/** Takes the files that somebody chose. Refuses only what no engine can load. */
export function describeChosen(
  files: readonly PullFile[],
  all: readonly PullFile[],
  isServed: (format: WeightFormat) => boolean,
  contents: RepoContents,
): Chosen {
  const weights = files
    .filter(({ path }) => fileKind(path) === 'other' || fileKind(path) === 'training state')
    .flatMap((file) => parseWeight(file) ?? [])
    .filter(({ format }) => format !== 'other');
  const present = order.filter((format) => weights.some((weight) => weight.format === format));
  const format = present.find(isServed) ?? present[0];
  if (format === undefined) return { format: 'other', warnings: [noWeights] };
  if (adapterWeights(all, weights).length === weights.length && format !== 'gguf')
    throw isAdapter(contents.adapterBase);
  if (format !== 'gguf') {
    const sets = weightSets(weights, namesOf(files), {}).filter((set) => set.format === format);
    refuseMissing(
      sets.flatMap(({ missing }) => missing),
      all,
    );
    return { format, warnings: [] };
  }
  const entry = entryOf(files);
  if (!entry) throw noGgufModel(files, contents.adapterBase);
  refuseMissing(entry.missing, all);
  return { format, entryFile: entry.entryFile, warnings: sayProjector(files, all) };
}

const noWeights = 'No file looks like weights: no engine may be able to load this.';

function namesOf(files: readonly PullFile[]): string[] {
  return files.map(({ path }) => path);
}

function refuseMissing(missing: readonly string[], all: readonly PullFile[]): void {
  if (missing.length === 0) return;
  const isThere = missing.some((name) => all.some(({ path }) => nameOf(path) === name));
  throw missingShardsError(missing, isThere);
}

function sayProjector(files: readonly PullFile[], all: readonly PullFile[]): string[] {
  const [projector] = projectorsOf(all.filter(({ path }) => isGguf(path)));
  if (!projector || projectorsOf(files).length > 0) return [];
  return [`The model needs ${projector.path} to read images, and include leaves it out.`];
}
