import type { Clock } from '../base/clock.ts';
import type { Changes } from '../base/changes.ts';
import type { Nudge } from '../base/work-key.ts';
import type { Fleet } from '../region/fleet.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { requestVolume, sharesRepo, volumeOf } from '../volumes/model-volume.ts';
import { regionsFor } from '../volumes/regions-for.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import { mayRead, visibleTo } from '../access/visibility.ts';
import type { Sources } from '../registry/sources/sources.ts';
import { modelsOfRepo } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import {
  findVolume,
  findVolumes,
  markDamaged,
  readersOfVolume,
  readyVolumes,
  searchVolumes,
  updateVolume,
  usersOfVolume,
} from '../volumes/table.ts';
import type { Volume } from '../volumes/table.ts';
import { awaitEviction, bytesIn, requestEviction, volumeInUse } from '../volumes/evict-volume.ts';
import type { EvictedVolume } from '../volumes/evict-volume.ts';
import type { VolumeState } from '../volumes/states.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { run, say } from '../base/prose.ts';

export interface CacheDeps {
  store: Store;
  fleet: Fleet;
  sources: Sources;
  registry: Registry;
  changes: Changes;
  nudge: Nudge;
  clock: Clock;
}

export interface ListCacheInput {
  region?: string;
  cursor?: string;
  limit: number;
}

export interface VolumesInput {
  volume?: string;
  model?: string;
  regions?: string[];
}

export interface VerifyInput {
  volumes?: string[];
  model?: string;
  regions?: string[];
}

export interface PrefetchInput {
  model: string;
  regions?: string[];
}

/** Volumes that one call verifies at a time. Each is read completely; in a cluster, a pod of its own reads it. */
const maximumVerifications = 4;

export type Cache = ReturnType<typeof createCache>;

/** Lists, prefetches, pins and evicts the volumes of all regions. */
export function createCache(deps: CacheDeps) {
  return {
    list: (input: ListCacheInput, caller: Caller, verified: ReadonlySet<string> = new Set()) =>
      list(deps, input, caller, verified),
    /** Whether the caller may know of the volume. */
    maySee: async (key: string, caller: Caller) => {
      const volume = await findVolume(deps.store.db, key);
      return volume !== undefined && (await hiddenVolumes(deps, [volume], caller)).size === 0;
    },
    preparePrefetch: (input: PrefetchInput, caller: Caller) => preparePrefetch(deps, input, caller),
    commitPrefetch: (prepared: PreparedPrefetch, unit: UnitOfWork) => commitPrefetch(deps, prepared, unit),
    /** The states of volumes, by key. */
    states: (keys: readonly string[]) => statesOf(deps, keys),
    prepareEviction: (input: VolumesInput, caller: Caller) => prepareEviction(deps, input, caller),
    commitEviction: (prepared: PreparedEviction, unit: UnitOfWork) => commitEviction(deps, prepared, unit),
    /** Waits until the volumes are gone. Returns the bytes that each freed, or undefined if unknown. */
    awaitEviction: (volumes: readonly EvictedVolume[], signal?: AbortSignal) => awaitEvictions(deps, volumes, signal),
    preparePin: async (input: VolumesInput, caller: Caller) =>
      withPrivacy(deps, await findInputVolumes(deps, input, caller)),
    /** Keys of the complete volumes on a page of the list, as the caller sees it. */
    completeOnPage: (input: ListCacheInput, caller: Caller) => completeOnPage(deps, input, caller),
    prepareVerification: (input: VerifyInput, caller: Caller) => prepareVerification(deps, input, caller),
    /** Reads every byte of the volumes again. Marks damaged ones. */
    verify: (keys: readonly string[]) => verifyAll(deps, keys),
    commitPin: (volumes: readonly Volume[], pinned: boolean, unit: UnitOfWork) => commitPin(volumes, pinned, unit),
  };
}

/** `verified`: keys of volumes that were verified just now. */
async function list(deps: CacheDeps, input: ListCacheInput, caller: Caller, verified: ReadonlySet<string>) {
  if (input.region !== undefined) deps.fleet.region(input.region);
  const { db } = deps.store;
  const rows = await pageRows(deps, input);
  const keys = rows.map((row) => row.key);
  const users = new Map(await Promise.all(keys.map(async (key) => [key, await usersOfVolume(db, key)] as const)));
  const hidden = await hiddenVolumes(deps, rows, caller);
  const kept = await keptOf(deps, rows);
  return pageOf(
    rows,
    input.limit,
    (row) => row.key,
    (row) => ({
      ...view(row, visibleTo(users.get(row.key) ?? [], caller).shown, hidden),
      verified: verified.has(row.key) || undefined,
      kept_after_eviction: kept.has(row.key) || undefined,
    }),
  );
}

/** One more than the limit, if there are more. */
function pageRows({ store }: CacheDeps, { region, cursor, limit }: ListCacheInput): Promise<Volume[]> {
  return searchVolumes(store.db, { region, after: decodeCursor(cursor, 'string'), limit });
}

async function completeOnPage(deps: CacheDeps, input: ListCacheInput, caller: Caller): Promise<string[]> {
  if (input.region !== undefined) deps.fleet.region(input.region);
  const rows = (await pageRows(deps, input)).slice(0, input.limit);
  const hidden = await hiddenVolumes(deps, rows, caller);
  return rows.flatMap(({ key, state }) => (state === 'ready' && !hidden.has(key) ? [key] : []));
}

async function prepareVerification(deps: CacheDeps, input: VerifyInput, caller: Caller): Promise<PrivateVolume[]> {
  const { volumes, model, regions } = input;
  if (volumes !== undefined && model === undefined) {
    return withPrivacy(deps, await Promise.all(volumes.map((key) => findByKey(deps, key, caller))));
  }
  if (volumes === undefined && model !== undefined) {
    return withPrivacy(deps, await findByModel(deps, model, regions, caller));
  }
  throw fail('volume_or_model', 'Give either volumes or a model.', { nextStep: seeVolumes, field: 'volumes' });
}

/** Keys of the volumes whose bytes are all right. */
async function verifyAll(deps: CacheDeps, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const waiting = [...(await findVolumes(deps.store.db, [...keys])).values()];
  const verified = new Set<string>();
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) if (await verify(deps, next)) verified.add(next.key);
  };
  await Promise.all(Array.from({ length: maximumVerifications }, worker));
  return verified;
}

/** Keys of the volumes whose storage stays after an eviction. */
async function keptOf({ fleet }: CacheDeps, rows: readonly Volume[]): Promise<ReadonlySet<string>> {
  const found = fleet.regions().map(async (region) => {
    const keys = rows.flatMap((row) => (row.region === region.name ? [row.key] : []));
    return keys.length === 0 ? [] : [...(await region.keptOf(keys))];
  });
  return new Set((await Promise.all(found)).flat());
}

/**
 * Keys of volumes whose models are all private and hidden from the caller. They are listed without the repo's name. Deleted
 * models count: weights stay longer than their models.
 */
async function hiddenVolumes(deps: CacheDeps, rows: readonly Volume[], caller: Caller): Promise<ReadonlySet<string>> {
  const repos = [...new Set(rows.map((row) => row.repo))];
  const models = (await Promise.all(repos.map((repo) => modelsOfRepo(deps.store.db, repo, { deleted: true })))).flat();
  const hidden = rows.filter((row) => {
    const own = models.filter((model) => sharesRepo(deps.sources, model, row));
    return own.length > 0 && !own.some((model) => mayRead(model, caller));
  });
  return new Set(hidden.map(({ key }) => key));
}

function view(volume: Volume, users: readonly { id: number }[], hidden: ReadonlySet<string>) {
  const named = !hidden.has(volume.key);
  return {
    volume: volume.key,
    region: volume.region,
    repo: named ? volume.repo : '(private)',
    commit: named ? volume.commit : '',
    state: volume.state,
    bytes: volume.bytes,
    in_use_by: [...new Set(users.map((user) => user.id))],
    pinned: volume.pinned,
    progress: volume.progress,
    // The message may name the repo.
    reason: named ? volume.reason : undefined,
    last_used_at: volume.lastUsedAt,
  };
}

/**
 * Reads every byte again. Returns true if all are right. A damaged volume is marked, and is downloaded again when an
 * instance needs it.
 */
async function verify(deps: CacheDeps, volume: Volume): Promise<boolean> {
  if (volume.state !== 'ready') return false;
  const region = deps.fleet.region(volume.region);
  const damage = await region.verifyVolume(volume.key);
  if (damage.length === 0) return true;
  const message = `${damage.slice(0, 3).join('; ')}${damage.length > 3 ? ` and ${damage.length - 3} more` : ''}`;
  if (!(await markDamaged(deps.store.db, volume.key, { code: 'checksum_mismatch', message }))) return false;
  deps.nudge({ volume: volume.key });
  deps.changes.publish({ kind: 'volume', id: volume.key });
  await verifyLinked(deps, volume);
  return false;
}

/** Damage in a file is damage in every volume that has a link to it. */
async function verifyLinked(deps: CacheDeps, damaged: Volume): Promise<void> {
  const ready = await readyVolumes(deps.store.db, damaged.region);
  const keys = [damaged.key, ...ready.map(({ key }) => key)];
  const storage = await deps.fleet.region(damaged.region).storageOf(keys);
  const own = new Set(storage.get(damaged.key)?.map(({ id }) => id));
  for (const volume of ready) if (storage.get(volume.key)?.some(({ id }) => own.has(id))) await verify(deps, volume);
}

export interface PreparedPrefetch {
  model: OwnedModel;
  regions: string[];
}

async function preparePrefetch(deps: CacheDeps, input: PrefetchInput, caller: Caller): Promise<PreparedPrefetch> {
  const model = await deps.registry.find(input.model, caller);
  const delivery = deps.sources.deliveryOf(model);
  if (delivery.kind === 'mounted') {
    throw fail('nothing_to_fetch', `"${model.name}" is on a filesystem. Engines read it in place.`, {
      nextStep: say`Launch it: ${run('launch_instance', { model: model.name })}.`,
      field: 'model',
    });
  }
  const wanted = { model: model.name, regions: input.regions };
  return { model, regions: await regionsFor(deps, model, wanted) };
}

async function commitPrefetch(deps: CacheDeps, { model, regions }: PreparedPrefetch, unit: UnitOfWork) {
  const volumes: { volume: string; region: string }[] = [];
  for (const region of regions) {
    const volume = await requestVolume(unit.db, deps.sources, model, region, { prefetch: true });
    if (volume === undefined) continue;
    unit.afterCommit(() => deps.nudge({ volume }));
    volumes.push({ volume, region });
  }
  return { model: model.name, volumes };
}

async function statesOf({ store }: CacheDeps, keys: readonly string[]): Promise<ReadonlyMap<string, VolumeState>> {
  return new Map([...(await findVolumes(store.db, keys))].map(([key, { state }]) => [key, state]));
}

/** The volumes of an input, by key or by model. Throws if there are none, or if the input has both or neither. */
async function findInputVolumes(deps: CacheDeps, input: VolumesInput, caller: Caller): Promise<Volume[]> {
  const { volume, model, regions } = input;
  if (volume !== undefined && model === undefined) return [await findByKey(deps, volume, caller)];
  if (volume === undefined && model !== undefined) return findByModel(deps, model, regions, caller);
  throw fail('volume_or_model', 'Give either a volume or a model.', { nextStep: seeVolumes, field: 'volume' });
}

const seeVolumes = say`${run('list_cache')} shows the volumes.`;

async function findByKey(deps: CacheDeps, key: string, caller: Caller): Promise<Volume> {
  const volume = await findVolume(deps.store.db, key);
  if (!volume || volume.state === 'absent') {
    throw fail('volume_not_found', `There is no volume "${key}".`, { nextStep: seeVolumes, field: 'volume' });
  }
  if ((await hiddenVolumes(deps, [volume], caller)).size > 0) throw othersPrivate(volume);
  return volume;
}

async function findByModel(
  deps: CacheDeps,
  name: string,
  regions: string[] | undefined,
  caller: Caller,
): Promise<Volume[]> {
  const model = await deps.registry.find(name, caller);
  const found = await volumesOf(deps, model, regions);
  if (found.length > 0) return found;
  const scope = regions ? ' in those regions' : '';
  throw fail('volume_not_found', `No weights of "${model.name}" are cached${scope}.`, {
    nextStep: seeVolumes,
    field: 'model',
  });
}

export type PrivateVolume = Volume & { private: boolean };

function withPrivacy(deps: CacheDeps, volumes: readonly Volume[]): Promise<PrivateVolume[]> {
  return Promise.all(volumes.map(async (volume) => ({ ...volume, private: await isPrivate(deps, volume) })));
}

/** Whether every model that uses this repo is private. */
async function isPrivate({ store, sources }: CacheDeps, volume: Volume): Promise<boolean> {
  const ofRepo = await modelsOfRepo(store.db, volume.repo, { deleted: true });
  const models = ofRepo.filter((model) => sharesRepo(sources, model, volume));
  return models.length > 0 && models.every((model) => model.private);
}

function othersPrivate({ key }: Volume): Error {
  return fail('volume_private', `The volume ${key} contains the weights of another person's private model.`, {
    nextStep: 'Ask its owner or an admin.',
    field: 'volume',
  });
}

export interface PreparedEviction {
  volumes: EvictableVolume[];
  caller: Caller;
}

interface EvictableVolume extends Volume {
  private: boolean;
  /** Ids of the instances that read it, stopped ones too. */
  users: { id: number; private: boolean; owner: string }[];
  /** What the eviction leaves behind, as sentences. */
  remains: string[];
  /** Its size before the eviction. Afterwards a region may not know. Undefined if the region cannot tell. */
  heldBytes: number | undefined;
}

async function prepareEviction(deps: CacheDeps, input: VolumesInput, caller: Caller): Promise<PreparedEviction> {
  const volumes = await findInputVolumes(deps, input, caller);
  for (const volume of volumes) await refuseInUse(deps, volume, caller);
  return { caller, volumes: await Promise.all(volumes.map((volume) => evictable(deps, volume))) };
}

async function evictable(deps: CacheDeps, volume: Volume): Promise<EvictableVolume> {
  return {
    ...volume,
    private: await isPrivate(deps, volume),
    users: await readersOfVolume(deps.store.db, volume.key),
    remains: await remainsOf(deps, volume),
    heldBytes: await bytesIn(deps.fleet.region(volume.region), volume.key),
  };
}

async function commitEviction(deps: CacheDeps, { volumes, caller }: PreparedEviction, unit: UnitOfWork) {
  for (const volume of volumes) await requestEviction(deps, volume, unit, caller);
  return {
    volumes: volumes.map(({ key, heldBytes }) => ({ volume: key, held_bytes: heldBytes })),
    remains: volumes.flatMap(({ remains }) => remains),
  };
}

async function awaitEvictions(deps: CacheDeps, volumes: readonly EvictedVolume[], signal: AbortSignal | undefined) {
  const freed: (number | undefined)[] = [];
  for (const volume of volumes) freed.push(await awaitEviction(deps, volume, signal));
  return freed;
}

async function remainsOf(deps: CacheDeps, { region, key }: Volume): Promise<string[]> {
  const note = await deps.fleet.region(region).remains(key);
  return note === undefined ? [] : [note];
}

async function volumesOf(deps: CacheDeps, model: OwnedModel, regions: string[] | undefined): Promise<Volume[]> {
  for (const region of regions ?? []) deps.fleet.region(region);
  const names = regions ?? deps.fleet.regions().map((region) => region.name);
  const keys = names.flatMap((region) => volumeOf(deps.sources, model, region) ?? []);
  const rows = await findVolumes(deps.store.db, keys);
  return [...rows.values()].filter((row) => row.state !== 'absent');
}

async function refuseInUse(deps: CacheDeps, volume: Volume, caller: Caller): Promise<void> {
  const users = await usersOfVolume(deps.store.db, volume.key);
  if (users.length > 0) throw volumeInUse(volume, users, caller);
  const observed = await deps.fleet.region(volume.region).observeVolume(volume.key);
  if (observed.state !== 'downloading') return;
  throw fail('volume_in_use', `The volume ${volume.key} is being downloaded.`, {
    nextStep: say`Wait for it: ${run('list_cache')} shows its progress.`,
    field: 'volume',
  });
}

async function commitPin(volumes: readonly Volume[], pinned: boolean, { db }: UnitOfWork): Promise<void> {
  for (const { key } of volumes) await updateVolume(db, key, { pinned });
}
