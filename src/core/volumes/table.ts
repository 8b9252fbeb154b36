import type { Selectable } from 'kysely';
import { z } from 'zod';
import { pullFile } from '../base/pull-file.ts';
import type { PullFile } from '../base/pull-file.ts';
import { progressSchema, reasonSchema } from '../base/reason.ts';
import type { Progress, Reason } from '../base/reason.ts';
import { readJsonColumn } from '../store/json-column.ts';
import { volumeStates } from './states.ts';
import type { VolumeState } from './states.ts';
import type { Database } from '../store/schema.ts';
import type { Queries } from '../store/store.ts';

export interface Volume {
  key: string;
  region: string;
  repo: string;
  commit: string;
  selection: string;
  bytes: number;
  state: VolumeState;
  attempt: number;
  failures: number;
  /** Bytes on disk when a failure was last counted. */
  reached: number;
  /** Milliseconds since the epoch. */
  retryAt: number | undefined;
  progress?: Progress;
  reason?: Reason;
  prefetch: boolean;
  pinned: boolean;
  lastUsedAt?: string;
  /** Credential of the last attempt: its id or name, empty for none. */
  credential?: string;
  /** Credentials that the Hub refused since the files were last requested. */
  refused: string[];
  /** When the last attempt to download it began. */
  startedAt?: string;
  /** Bytes that the last eviction freed. Undefined if unknown. */
  freedBytes?: number;
}

/** Queues the volume: adds its row if it is missing. With `retry`, a download that failed for good starts again. */
export async function queueVolume(
  db: Queries,
  volume: Pick<Volume, 'key' | 'region' | 'repo' | 'commit' | 'selection' | 'bytes'>,
  options: { prefetch: boolean; retry: boolean },
): Promise<void> {
  await db
    .insertInto('volumes')
    .values({
      key: volume.key,
      region: volume.region,
      repo: volume.repo,
      commit_sha: volume.commit,
      selection: volume.selection,
      bytes: volume.bytes,
      state: 'queued',
      attempt: 0,
      failures: 0,
      retry_at: null,
      progress: null,
      reason: null,
      prefetch: 0,
      pinned: 0,
      last_used_at: null,
    })
    .onConflict((on) => on.column('key').doNothing())
    .execute();
  if (options.prefetch) await db.updateTable('volumes').set({ prefetch: 1 }).where('key', '=', volume.key).execute();
  const restartable: VolumeState[] = options.retry
    ? ['absent', 'partial', 'queued', 'failed', 'damaged']
    : ['absent', 'partial'];
  await db
    .updateTable('volumes')
    .set({ state: 'queued', failures: 0, reached_bytes: null, retry_at: null, reason: null, refused: null })
    .where('key', '=', volume.key)
    .where('state', 'in', restartable)
    .execute();
}

type Row = Selectable<Database['volumes']>;

const refusedSchema = z.array(z.string());

function toVolume(row: Row): Volume {
  return {
    key: row.key,
    region: row.region,
    repo: row.repo,
    commit: row.commit_sha,
    selection: row.selection,
    bytes: row.bytes,
    state: parseState(row.state),
    attempt: row.attempt,
    failures: row.failures,
    reached: row.reached_bytes ?? 0,
    retryAt: row.retry_at === null ? undefined : Date.parse(row.retry_at),
    prefetch: row.prefetch === 1,
    pinned: row.pinned === 1,
    progress: readJsonColumn(progressSchema, row.progress),
    reason: readJsonColumn(reasonSchema, row.reason),
    lastUsedAt: row.last_used_at ?? undefined,
    credential: row.credential ?? undefined,
    refused: readJsonColumn(refusedSchema, row.refused) ?? [],
    startedAt: row.download_started_at ?? undefined,
    freedBytes: row.freed_bytes ?? undefined,
  };
}

/** An unknown state counts as `partial`, which can be evicted, and downloaded again. */
function parseState(column: string): VolumeState {
  return volumeStates.find((state) => state === column) ?? 'partial';
}

export async function findVolume(db: Queries, key: string): Promise<Volume | undefined> {
  const row = await db.selectFrom('volumes').selectAll().where('key', '=', key).executeTakeFirst();
  return row && toVolume(row);
}

export async function findVolumes(db: Queries, keys: readonly string[]): Promise<Map<string, Volume>> {
  const found = await db
    .selectFrom('volumes')
    .selectAll()
    .where('key', 'in', [...keys, ''])
    .execute();
  return new Map(found.map((row) => [row.key, toVolume(row)]));
}

/** Ordered by key, without absent volumes. Returns one more than the limit, so that the caller sees whether there are more. */
export async function searchVolumes(
  db: Queries,
  query: { region?: string; after?: string; limit: number },
): Promise<Volume[]> {
  let found = db.selectFrom('volumes').selectAll().where('state', '!=', 'absent');
  if (query.region !== undefined) found = found.where('region', '=', query.region);
  if (query.after !== undefined) found = found.where('key', '>', query.after);
  return (
    await found
      .orderBy('key')
      .limit(query.limit + 1)
      .execute()
  ).map(toVolume);
}

export async function readyVolumes(db: Queries, region: string): Promise<Volume[]> {
  const found = await db
    .selectFrom('volumes')
    .selectAll()
    .where('region', '=', region)
    .where('state', '=', 'ready')
    .orderBy('key')
    .execute();
  return found.map(toVolume);
}

export async function unfinishedVolumes(db: Queries): Promise<string[]> {
  const found = await db
    .selectFrom('volumes')
    .select('key')
    .where('state', 'in', ['queued', 'downloading', 'evicting'])
    .execute();
  return found.map((row) => row.key);
}

/** Throws if the stored list of files is damaged. */
export async function filesOfSelection(db: Queries, hash: string): Promise<PullFile[]> {
  const row = await db.selectFrom('selections').select('files').where('hash', '=', hash).executeTakeFirstOrThrow();
  return z.array(pullFile).parse(JSON.parse(row.files));
}

export type VolumeUpdate = Partial<{
  state: VolumeState;
  attempt: number;
  failures: number;
  reached: number;
  retryAt: number | null;
  progress: Progress | null;
  reason: Reason | null;
  prefetch: boolean;
  pinned: boolean;
  lastUsedAt: string;
  credential: string;
  refused: string[];
  startedAt: string | null;
  freedBytes: number | null;
}>;

/** Returns false if the volume is no longer ready, because it is being evicted or downloaded again. */
export async function markDamaged(db: Queries, key: string, reason: Reason): Promise<boolean> {
  const marked = await db
    .updateTable('volumes')
    .set({ state: 'damaged', reason: JSON.stringify(reason) })
    .where('key', '=', key)
    .where('state', '=', 'ready')
    .executeTakeFirst();
  return marked.numUpdatedRows > 0n;
}

export async function updateVolume(db: Queries, key: string, update: VolumeUpdate): Promise<void> {
  const set = {
    state: update.state,
    attempt: update.attempt,
    failures: update.failures,
    reached_bytes: update.reached,
    freed_bytes: update.freedBytes,
    retry_at: typeof update.retryAt === 'number' ? new Date(update.retryAt).toISOString() : update.retryAt,
    progress: update.progress && JSON.stringify(update.progress),
    reason: update.reason && JSON.stringify(update.reason),
    prefetch: flag(update.prefetch),
    pinned: flag(update.pinned),
    last_used_at: update.lastUsedAt,
    credential: update.credential,
    download_started_at: update.startedAt,
    refused: update.refused && JSON.stringify(update.refused),
  };
  await db.updateTable('volumes').set(set).where('key', '=', key).execute();
}

function flag(value: boolean | undefined): 0 | 1 | undefined {
  return value === undefined ? undefined : value ? 1 : 0;
}

/** A region of an instance that uses a volume. */
export interface VolumeUse {
  id: number;
  region: string;
  registryModelId: string;
  private: boolean;
  owner: string;
}

/** Instances that are not stopped and need the volume, each with the id of its model. */
export async function usersOfVolume(db: Queries, key: string): Promise<VolumeUse[]> {
  const found = await db
    .selectFrom('instance_regions')
    .innerJoin('instances', 'instances.id', 'instance_regions.instance_id')
    .select([
      'instances.id as id',
      'instance_regions.region as region',
      'instances.entry_id as registryModelId',
      'instances.private',
      'instances.owner_id as owner',
    ])
    .where('instance_regions.volume', '=', key)
    .where((is) => is.or([is('instances.desired', '=', 'running'), is('instance_regions.state', '!=', 'stopped')]))
    .execute();
  return found.map((row) => ({ ...row, private: row.private === 1 }));
}

/** Ids of the instances that read the volume when they run, stopped ones too. */
export async function readersOfVolume(
  db: Queries,
  key: string,
): Promise<{ id: number; private: boolean; owner: string }[]> {
  const found = await db
    .selectFrom('instance_regions')
    .innerJoin('instances', 'instances.id', 'instance_regions.instance_id')
    .select(['instances.id', 'instances.private', 'instances.owner_id as owner'])
    .where('instance_regions.volume', '=', key)
    .where('instances.desired', '!=', 'deleted')
    .orderBy('instances.id')
    .execute();
  return found.map((row) => ({ ...row, private: row.private === 1 }));
}
