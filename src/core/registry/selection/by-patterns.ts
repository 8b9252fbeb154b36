import type { PullFile } from '../../download/manifest.ts';
import type { WeightFormat } from '../model.ts';
import { adapterWeights } from './adapters.ts';
import type { Chosen } from './by-choice.ts';
import { entryOf, isGguf, projectorsOf } from './choose-gguf.ts';
import type { RepoContents } from './contents.ts';
import { fileKind } from './file-kind.ts';
import { isAdapter, missingShardsError } from './refusals.ts';
import { parseWeight } from './weight-file.ts';
import type { WeightFile } from './weight-file.ts';
import { weightSets } from './weight-sets.ts';

const order: WeightFormat[] = ['safetensors', 'gguf', 'pytorch', 'onnx'];

/** What somebody chose is taken as it is; only what no engine could load is refused. */
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
  refuseMissing(
    weights.filter((weight) => weight.format === format),
    files,
    all,
  );
  const pickles =
    format === 'pytorch' ? ['The weights are pickle files, which can run code when they are loaded.'] : [];
  if (format !== 'gguf') return { format, warnings: pickles };
  const entry = entryOf(files);
  const warnings = sayProjector(files, all);
  return entry ? { format, entryFile: entry.entryFile, warnings } : { format, warnings: [noWeights] };
}

const noWeights = 'No file looks like weights: no engine may be able to load this.';

function refuseMissing(weights: readonly WeightFile[], files: readonly PullFile[], all: readonly PullFile[]): void {
  const sets = weightSets(
    weights,
    files.map(({ path }) => path),
    {},
  );
  const broken = sets.find(({ missing }) => missing.length > 0);
  if (!broken) return;
  const isThere = broken.missing.some((name) => all.some(({ path }) => path === name || path.endsWith(`/${name}`)));
  throw missingShardsError(broken.missing, isThere);
}

function sayProjector(files: readonly PullFile[], all: readonly PullFile[]): string[] {
  const [projector] = projectorsOf(all.filter(({ path }) => isGguf(path)));
  if (!projector || projectorsOf(files).length > 0) return [];
  return [`The model can see with ${projector.path}, which include leaves out.`];
}
