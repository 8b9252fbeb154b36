import { contentKey } from '../base/pull-file.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { Sharing } from '../region/capabilities.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Sources } from '../registry/sources/sources.ts';
import { modelsOfSelections } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { Queries, Store } from '../store/store.ts';
import { volumeOf } from './model-volume.ts';
import { filesOfSelection, readyVolumes } from './table.ts';
import type { Volume } from './table.ts';

/** A complete volume with files that another volume of the region needs. */
interface Donor {
  volume: Volume;
  /** The contents of those files, by `contentKey`. */
  contents: ReadonlySet<string>;
}

/** A download opens all of them. Most models share their files with one earlier commit. */
const mostDonors = 8;

/** Keys of the volumes that a download may take files from, in the order of `inOrder`. */
export async function donorKeys(
  db: Queries,
  { key, region }: Pick<Volume, 'key' | 'region'>,
  files: readonly PullFile[],
  sharing: Sharing,
): Promise<string[]> {
  const donors = (await donorsOf(db, region, files)).filter(({ volume }) => volume.key !== key);
  return inOrder(files, donors, sharing).map(({ volume }) => volume.key);
}

/**
 * The donor with the most equal bytes comes first. Each further one adds the most bytes that those before it lack. A clone
 * comes from one donor, so there each further one is the next best if those before it cannot be cloned. Pure.
 */
export function inOrder<D extends { contents: ReadonlySet<string> }>(
  files: readonly PullFile[],
  donors: readonly D[],
  sharing: Sharing,
): D[] {
  const missing = contentsOf(files);
  const gain = ({ contents }: D): number => bytesIn(files, common(contents, missing));
  const chosen: D[] = [];
  for (let rest = [...donors]; chosen.length < mostDonors;) {
    const [best] = rest.toSorted((a, b) => gain(b) - gain(a));
    if (!best || gain(best) === 0) break;
    chosen.push(best);
    rest = rest.filter((donor) => donor !== best);
    if (sharing !== 'clone') for (const content of best.contents) missing.delete(content);
  }
  return chosen;
}

/**
 * Bytes of a model that its region has in other volumes. It does not count private models of other people: a plan must
 * not show that they exist. The answer is the same for everybody who may read the model.
 */
export async function sharedBytes(
  { store, fleet, sources }: { store: Store; fleet: Fleet; sources: Sources },
  model: OwnedModel,
  region: string,
): Promise<number> {
  const { sharing } = fleet.region(region).capabilities;
  if (sharing === undefined) return 0;
  const donors = await donorsOf(store.db, region, model.files);
  const selections = donors.map(({ volume }) => volume.selection);
  const owners = (await modelsOfSelections(store.db, selections)).filter((other) => isShown(other, model));
  const shown = new Set(owners.map((other) => volumeOf(sources, other, region)));
  const usable = donors.filter(({ volume }) => shown.has(volume.key)).map(({ contents }) => contents);
  return bytesInCommon(model.files, usable, sharing);
}

/**
 * Bytes of the files whose contents are in other volumes. A volume can be a clone of one other, but it can take links and
 * copies from several.
 */
export function bytesInCommon(
  files: readonly PullFile[],
  volumes: readonly ReadonlySet<string>[],
  sharing: Sharing,
): number {
  const together = sharing === 'clone' ? volumes : [new Set(volumes.flatMap((contents) => [...contents]))];
  return Math.max(0, ...together.map((contents) => bytesIn(files, contents)));
}

function bytesIn(files: readonly PullFile[], contents: ReadonlySet<string>): number {
  return files.filter((file) => contents.has(contentKey(file) ?? '')).reduce((sum, { size }) => sum + size, 0);
}

function isShown(other: OwnedModel, model: OwnedModel): boolean {
  return !other.private || (model.private && other.owner === model.owner);
}

async function donorsOf(db: Queries, region: string, files: readonly PullFile[]): Promise<Donor[]> {
  const wanted = contentsOf(files);
  if (wanted.size === 0) return [];
  const donors: Donor[] = [];
  for (const volume of await readyVolumes(db, region)) {
    // A stored list that is damaged must not stop the downloads of others.
    const own = await filesOfSelection(db, volume.selection).catch((): PullFile[] => []);
    const contents = common(contentsOf(own), wanted);
    if (contents.size > 0) donors.push({ volume, contents });
  }
  return donors;
}

function common(some: ReadonlySet<string>, others: ReadonlySet<string>): Set<string> {
  return new Set([...some].filter((each) => others.has(each)));
}

function contentsOf(files: readonly PullFile[]): Set<string> {
  return new Set(files.flatMap((file) => contentKey(file) ?? []));
}
