import type { Caller } from '../base/caller.ts';
import type { Asking } from '../operation/mutation-context.ts';
import { fail } from '../base/errors.ts';
import type { LaunchDeps } from '../instances/dependencies.ts';
import { volumeOf, want } from '../instances/gather-facts.ts';
import { chooseRegions } from '../plan/plan-launch.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import { mayRead } from '../access/visibility.ts';
import { entriesOfRepo } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import {
  findVolume,
  findVolumes,
  markDamaged,
  readersOfVolume,
  searchVolumes,
  updateVolume,
  usersOfVolume,
} from '../volumes/table.ts';
import type { Volume } from '../volumes/table.ts';
import { evictVolume, volumeInUse } from '../volumes/evict-volume.ts';

export interface ListCacheInput {
  region?: string | undefined;
  verify: boolean;
  cursor?: string | undefined;
  limit: number;
}

export interface VolumesInput {
  volume?: string | undefined;
  model?: string | undefined;
  regions?: string[] | undefined;
}

export interface PrefetchInput {
  model: string;
  regions?: string[] | undefined;
}

/** Each reads a whole model, in a cluster by a pod of its own. */
const verifiedAtOnce = 4;

export type Cache = ReturnType<typeof createCache>;

/** The bytes that lie in the regions: what is there, what is wanted ahead, what may go. */
export function createCache(deps: LaunchDeps) {
  return {
    list: (input: ListCacheInput, caller: Caller) => list(deps, input, caller),
    prefetch: (input: PrefetchInput, context: Asking) => prefetch(deps, input, context),
    examinePrefetch: (input: PrefetchInput, caller: Caller) => examinePrefetch(deps, input, caller),
    /** The volumes that an input names, and the instances, stopped ones too, that read each. */
    examineVolumes: (input: VolumesInput, caller: Caller) => examineVolumes(deps, input, caller),
    evict: (input: VolumesInput, context: Asking) => evict(deps, input, context),
    pin: (input: VolumesInput & { pinned: boolean }, context: Asking) => pin(deps, input, context),
  };
}

async function list(deps: LaunchDeps, input: ListCacheInput, caller: Caller) {
  if (input.region !== undefined) deps.fleet.region(input.region);
  const rows = await searchVolumes(deps.store.db, {
    region: input.region,
    after: decodeCursor(input.cursor, 'string'),
    limit: input.limit,
  });
  const verified = new Set<string>();
  if (input.verify) {
    const waiting = rows.slice(0, input.limit);
    const verifyOn = async (): Promise<void> => {
      for (let row = waiting.shift(); row; row = waiting.shift()) if (await verify(deps, row)) verified.add(row.key);
    };
    await Promise.all(Array.from({ length: verifiedAtOnce }, verifyOn));
  }
  const now = await findVolumes(
    deps.store.db,
    rows.map((row) => row.key),
  );
  const users = new Map(
    await Promise.all(rows.map(async (row) => [row.key, await usersOfVolume(deps.store.db, row.key)] as const)),
  );
  const hidden = await hiddenRepos(deps, rows, caller);
  const kept = await keptOf(deps, rows);
  return pageOf(
    rows,
    input.limit,
    (row) => row.key,
    (row) => ({
      ...view(now.get(row.key) ?? row, users.get(row.key) ?? [], hidden),
      ...(verified.has(row.key) ? { verified: true } : {}),
      ...(kept.has(row.key) ? { kept_after_eviction: true } : {}),
    }),
  );
}

async function keptOf({ fleet }: LaunchDeps, rows: readonly Volume[]): Promise<ReadonlySet<string>> {
  const found = fleet.regions().map(async (region) => {
    const keys = rows.flatMap((row) => (row.region === region.name ? [row.key] : []));
    return keys.length === 0 ? [] : [...(await region.keptOf(keys))];
  });
  return new Set((await Promise.all(found)).flat());
}

/** Repos that are registered as private models of others alone: their bytes take space that everybody sees, not their names. */
async function hiddenRepos(deps: LaunchDeps, rows: readonly Volume[], caller: Caller): Promise<ReadonlySet<string>> {
  const repos = [...new Set(rows.map((row) => row.repo))];
  const hidden = repos.map(async (repo) => {
    const entries = await entriesOfRepo(deps.store.db, repo);
    return entries.length > 0 && !entries.some((entry) => mayRead(entry, caller)) ? [repo] : [];
  });
  return new Set((await Promise.all(hidden)).flat());
}

function view(volume: Volume, users: readonly { id: number }[], hidden: ReadonlySet<string>) {
  const named = !hidden.has(volume.repo);
  return {
    volume: volume.key,
    region: volume.region,
    repo: named ? volume.repo : '(private)',
    commit: named ? volume.commit : '',
    state: volume.state,
    bytes: volume.bytes,
    in_use_by: [...new Set(users.map((user) => user.id))],
    pinned: volume.pinned,
    ...(volume.progress ? { progress: volume.progress } : {}),
    // Its words may name the repo.
    ...(volume.reason && named ? { reason: volume.reason } : {}),
    ...(volume.lastUsedAt === undefined ? {} : { last_used_at: volume.lastUsedAt }),
  };
}

/**
 * Reads every byte again, and says whether all are right. What does not match is marked, no longer a hit, and fetched anew as
 * soon as an instance needs it.
 */
async function verify(deps: LaunchDeps, volume: Volume): Promise<boolean> {
  if (volume.state !== 'ready') return false;
  const damage = await deps.fleet.region(volume.region).verifyVolume(volume.key);
  if (damage.length === 0) return true;
  const message = `${damage.slice(0, 3).join('; ')}${damage.length > 3 ? ` and ${damage.length - 3} more` : ''}`;
  if (!(await markDamaged(deps.store.db, volume.key, { code: 'checksum_mismatch', message }))) return false;
  deps.nudge({ volume: volume.key });
  deps.changes.publish({ kind: 'volume', id: volume.key });
  return false;
}

/** What a prefetch is for. Throws what the prefetch itself would; changes nothing. */
async function examinePrefetch(deps: LaunchDeps, input: PrefetchInput, caller: Caller) {
  const model = await deps.registry.find(input.model, caller);
  if (model.source === 'filesystem') {
    throw fail('nothing_to_fetch', `"${model.name}" lies on a filesystem and is read in place.`, {
      nextStep: 'Launch it.',
      field: 'model',
    });
  }
  return { model, regions: chooseRegions(model, { model: model.name, regions: input.regions }, deps.fleet) };
}

async function prefetch(deps: LaunchDeps, input: PrefetchInput, context: Asking) {
  const { model, regions } = await examinePrefetch(deps, input, context.caller);
  const keys = regions.map((region) => ({ region, volume: volumeOf(model, region) as string }));
  await deps.store.transaction(async (transaction) => {
    for (const { region, volume } of keys) await want(transaction, model, region, volume, true);
  });
  for (const { volume } of keys) deps.nudge({ volume });
  const rows = await findVolumes(
    deps.store.db,
    keys.map(({ volume }) => volume),
  );
  const volumes = keys.map(({ region, volume }) => ({ volume, region, state: rows.get(volume)?.state ?? 'queued' }));
  const there = volumes.every(({ state }) => state === 'ready');
  return {
    model: model.name,
    state: there ? 'ready' : 'queued',
    next_step: there
      ? 'The weights are there already: launch it.'
      : 'list_cache shows how far it is; a launch meanwhile joins the download.',
    volumes,
  };
}

/** The volumes that an input names, by key or by model. Throws where it names none, or both ways at once. */
async function named(deps: LaunchDeps, input: VolumesInput, context: Pick<Asking, 'caller'>): Promise<Volume[]> {
  if ((input.volume === undefined) === (input.model === undefined)) {
    throw fail('volume_or_model', 'Give either a volume or a model.', {
      nextStep: 'list_cache shows the volumes.',
      field: 'volume',
    });
  }
  if (input.volume !== undefined) {
    const volume = await findVolume(deps.store.db, input.volume);
    if (volume && volume.state !== 'absent') {
      if ((await hiddenRepos(deps, [volume], context.caller)).size > 0) throw othersPrivate(volume);
      return [volume];
    }
    throw fail('volume_not_found', `There is no volume "${input.volume}".`, {
      nextStep: 'list_cache shows the volumes.',
      field: 'volume',
    });
  }
  const model = await deps.registry.find(input.model as string, context.caller);
  const found = await volumesOf(deps, model, input.regions);
  if (found.length > 0) return found;
  throw fail(
    'volume_not_found',
    `No weights of "${model.name}" are cached${input.regions ? ' in those regions' : ''}.`,
    {
      nextStep: 'list_cache shows what is.',
      field: 'model',
    },
  );
}

/** Nothing but private models is of it. */
async function isPrivate({ store }: LaunchDeps, { repo }: Volume): Promise<boolean> {
  const entries = await entriesOfRepo(store.db, repo);
  return entries.length > 0 && entries.every((entry) => entry.private);
}

function othersPrivate({ key }: Volume): Error {
  return fail('volume_private', `The volume ${key} holds the weights of a private model of somebody else.`, {
    nextStep: 'Its owner or an admin can do that.',
    field: 'volume',
  });
}

async function examineVolumes(deps: LaunchDeps, input: VolumesInput, caller: Caller) {
  const volumes = await named(deps, input, { caller });
  for (const volume of volumes) await refuseInUse(deps, volume);
  return Promise.all(
    volumes.map(async (volume) => ({
      ...volume,
      private: await isPrivate(deps, volume),
      users: await readersOfVolume(deps.store.db, volume.key),
      remains: await remainsOf(deps, volume),
    })),
  );
}

async function remainsOf(deps: LaunchDeps, { region, key }: Volume): Promise<string[]> {
  const note = await deps.fleet.region(region).remains(key);
  return note === undefined ? [] : [note];
}

async function volumesOf(deps: LaunchDeps, model: OwnedModel, regions: string[] | undefined): Promise<Volume[]> {
  for (const region of regions ?? []) deps.fleet.region(region);
  const names = regions ?? deps.fleet.regions().map((region) => region.name);
  const keys = names.flatMap((region) => volumeOf(model, region) ?? []);
  const rows = await findVolumes(deps.store.db, keys);
  return [...rows.values()].filter((row) => row.state !== 'absent');
}

async function evict(deps: LaunchDeps, input: VolumesInput, context: Asking) {
  const volumes = await named(deps, input, context);
  for (const volume of volumes) await refuseInUse(deps, volume);
  const freed: (number | undefined)[] = [];
  const notes = await Promise.all(volumes.map((volume) => remainsOf(deps, volume)));
  for (const volume of volumes) freed.push(await evictVolume(deps, volume));
  const known = freed.filter((bytes) => bytes !== undefined);
  const unknown = known.length < freed.length ? 'What an incomplete download held there is not known. ' : '';
  return {
    state: 'evicted',
    ...(known.length > 0 ? { freed_bytes: known.reduce((sum, bytes) => sum + bytes, 0) } : {}),
    volumes: volumes.map((volume) => volume.key),
    next_step: [...notes.flat(), `${unknown}The next launch that needs them fetches them again.`].join(' '),
  };
}

async function refuseInUse(deps: LaunchDeps, volume: Volume): Promise<void> {
  const users = await usersOfVolume(deps.store.db, volume.key);
  if (users.length > 0) throw volumeInUse(volume, users);
  const observed = await deps.fleet.region(volume.region).observeVolume(volume.key);
  if (observed.state !== 'downloading') return;
  throw fail('volume_in_use', `A download runs on the volume ${volume.key}.`, {
    nextStep: 'Wait for it: list_cache shows how far it is.',
    field: 'volume',
  });
}

async function pin(deps: LaunchDeps, input: VolumesInput & { pinned: boolean }, context: Asking) {
  const volumes = await named(deps, input, context);
  for (const volume of volumes) await updateVolume(deps.store.db, volume.key, { pinned: input.pinned });
  return {
    state: input.pinned ? 'pinned' : 'not pinned',
    volumes: volumes.map((volume) => volume.key),
    next_step: input.pinned
      ? 'No policy evicts them; evict_cache still can.'
      : 'A policy may evict them when nothing uses them.',
  };
}
