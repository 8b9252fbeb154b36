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

/** The size of each file, by `contentKey`. */
type Contents = ReadonlyMap<string, number>;

/** A complete volume with files that another volume of the region needs. */
interface Donor {
  volume: Volume;
  contents: Contents;
}

/** A download opens all of them. Most models share their files with one earlier commit. */
const mostDonors = 8;

/** Keys of the volumes that a download may take files from, in the order of `chooseDonors`. */
export async function donorKeys(
  db: Queries,
  { key, region }: Pick<Volume, 'key' | 'region'>,
  files: readonly PullFile[],
  sharing: Sharing,
): Promise<string[]> {
  const donors = (await donorsOf(db, region, files)).filter(({ volume }) => volume.key !== key);
  return chooseDonors(donors, sharing).map(({ volume }) => volume.key);
}

/**
 * Bytes of a model that its region has in other volumes, as far as one download can use them. It does not count private
 * models of other people: a plan must not show that they exist. The answer is the same for everybody who may read the
 * model.
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
  const readable = donors.filter(({ volume }) => shown.has(volume.key));
  const chosen = chooseDonors(readable, sharing);
  const used = sharing === 'clone' ? chosen.slice(0, 1) : chosen;
  const contents = new Set(used.flatMap((donor) => [...donor.contents.keys()]));
  return model.files.filter((file) => contents.has(contentKey(file) ?? '')).reduce((sum, { size }) => sum + size, 0);
}

/**
 * The first donor has the most equal bytes. Each further one has files that those before it lack. A clone comes from one
 * donor, so there each further one is the next best if those before it cannot be cloned. Pure.
 */
export function chooseDonors<D extends { contents: Contents }>(donors: readonly D[], sharing: Sharing): D[] {
  return (sharing === 'clone' ? byBytes(donors) : withNewFiles(donors)).slice(0, mostDonors);
}

/** Most equal bytes first. */
function byBytes<D extends { contents: Contents }>(donors: readonly D[]): D[] {
  return donors.toSorted((a, b) => bytesOf(b.contents) - bytesOf(a.contents));
}

/** Each donor has files that those before it lack. The one that adds the most bytes comes first. */
function withNewFiles<D extends { contents: Contents }>(donors: readonly D[]): D[] {
  const chosen: D[] = [];
  let rest = donors.map((donor) => ({ donor, contents: donor.contents }));
  for (let [best] = byBytes(rest); best; [best] = byBytes(rest)) {
    const taken = best.contents;
    chosen.push(best.donor);
    rest = rest.map(({ donor, contents }) => ({ donor, contents: without(contents, taken) }));
    rest = rest.filter(({ contents }) => contents.size > 0);
  }
  return chosen;
}

function without(some: Contents, others: Contents): Contents {
  return new Map([...some].filter(([content]) => !others.has(content)));
}

function bytesOf(contents: Contents): number {
  return [...contents.values()].reduce((sum, size) => sum + size, 0);
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

function common(some: Contents, others: Contents): Contents {
  return new Map([...some].filter(([content]) => others.has(content)));
}

function contentsOf(files: readonly PullFile[]): Contents {
  return new Map(files.flatMap((file) => pairOf(contentKey(file), file.size)));
}

function pairOf(content: string | undefined, size: number): [string, number][] {
  return content === undefined ? [] : [[content, size]];
}
