import { patternFor } from './patterns.ts';
import { severalModels } from './refusals.ts';
import type { WeightSet } from './weight-sets.ts';

/** `0.4b`, `350m`: the number of a model's parameters. */
const size = /(?<![a-z0-9.])\d+(?:\.\d+)?[bm](?![a-z0-9])/;

/** Refuses weights that differ in a size: `World-0.4B.pth`, `World-1.5B.pth`. Parts of one model do not. */
export function refuseSeveralSizes(sets: readonly WeightSet[]): void {
  const sized = sets.filter((set) => !set.isMain && size.test(set.stem));
  const families = Map.groupBy(sized, (set) => `${set.folder}|${set.stem.replace(size, '')}`);
  const models = [...families.values()].find((each) => new Set(each.map(({ stem }) => stem)).size > 1);
  if (models === undefined) return;
  throw severalModels(
    models.map(({ files, bytes }) => {
      const paths = files.map(({ path }) => path);
      return { name: paths[0] ?? '', pattern: patternFor(paths), bytes };
    }),
  );
}
