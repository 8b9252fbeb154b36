import type { PullFile } from '../base/pull-file.ts';
import type { Progress, Reason } from '../base/reason.ts';
import type { VolumeState } from './states.ts';
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
  /** Bytes that it had when a failure was last counted. */
  reached: number;
  retryAt: number | undefined;
  progress?: Progress;
  reason?: Reason;
  prefetch: boolean;
  pinned: boolean;
  lastUsedAt?: string;
  /** What the last attempt downloads with: a credential's id or name, empty for none. */
  credential?: string;
  /** Those with which the Hub refused the files since somebody last asked for them. */
  refused: string[];
  /** By the last eviction; absent where nobody knows. */
  freedBytes?: number;
}

/** Makes the row of a volume unless it is there; one that failed for good gets a fresh start. */
export async function wantVolume(
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

type Row = Awaited<ReturnType<typeof volumeRows>>[number];

function volumeRows(db: Queries) {
  return db.selectFrom('volumes').selectAll().execute();
}

function toVolume(row: Row): Volume {
  return {
    key: row.key,
    region: row.region,
    repo: row.repo,
    commit: row.commit_sha,
    selection: row.selection,
    bytes: row.bytes,
    state: row.state as VolumeState,
    attempt: row.attempt,
    failures: row.failures,
    reached: row.reached_bytes ?? 0,
    retryAt: row.retry_at === null ? undefined : Date.parse(row.retry_at),
    prefetch: row.prefetch === 1,
    pinned: row.pinned === 1,
    ...(row.progress === null ? {} : { progress: JSON.parse(row.progress) as Progress }),
    ...(row.reason === null ? {} : { reason: JSON.parse(row.reason) as Reason }),
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
    ...(row.credential === null ? {} : { credential: row.credential }),
    refused: row.refused === null ? [] : (JSON.parse(row.refused) as string[]),
    ...(row.freed_bytes === null ? {} : { freedBytes: row.freed_bytes }),
  };
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

/** By key, rows of volumes that were there once included; one more than the limit. */
export async function searchVolumes(
  db: Queries,
  query: { region?: string | undefined; after?: string | undefined; limit: number },
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

export async function unfinishedVolumes(db: Queries): Promise<string[]> {
  const found = await db
    .selectFrom('volumes')
    .select('key')
    .where('state', 'in', ['queued', 'downloading', 'evicting'])
    .execute();
  return found.map((row) => row.key);
}

export async function filesOfSelection(db: Queries, hash: string): Promise<PullFile[]> {
  const row = await db.selectFrom('selections').select('files').where('hash', '=', hash).executeTakeFirstOrThrow();
  return JSON.parse(row.files) as PullFile[];
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
  freedBytes: number | null;
}>;

/** False where it is not ready any more: somebody evicts it, or it is fetched anew. */
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
  const json = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));
  const set = {
    ...(update.state === undefined ? {} : { state: update.state }),
    ...(update.attempt === undefined ? {} : { attempt: update.attempt }),
    ...(update.failures === undefined ? {} : { failures: update.failures }),
    ...(update.reached === undefined ? {} : { reached_bytes: update.reached }),
    ...(update.freedBytes === undefined ? {} : { freed_bytes: update.freedBytes }),
    ...(update.retryAt === undefined
      ? {}
      : { retry_at: update.retryAt === null ? null : new Date(update.retryAt).toISOString() }),
    ...(update.progress === undefined ? {} : { progress: json(update.progress) }),
    ...(update.reason === undefined ? {} : { reason: json(update.reason) }),
    ...(update.prefetch === undefined ? {} : { prefetch: update.prefetch ? 1 : 0 }),
    ...(update.pinned === undefined ? {} : { pinned: update.pinned ? 1 : 0 }),
    ...(update.lastUsedAt === undefined ? {} : { last_used_at: update.lastUsedAt }),
    ...(update.credential === undefined ? {} : { credential: update.credential }),
    ...(update.refused === undefined ? {} : { refused: JSON.stringify(update.refused) }),
  };
  await db.updateTable('volumes').set(set).where('key', '=', key).execute();
}

/** Instances that are not stopped and need the volume, and the entry each runs. */
export async function usersOfVolume(
  db: Queries,
  key: string,
): Promise<{ id: number; region: string; entryId: string }[]> {
  return db
    .selectFrom('instance_regions')
    .innerJoin('instances', 'instances.id', 'instance_regions.instance_id')
    .select(['instances.id as id', 'instance_regions.region as region', 'instances.entry_id as entryId'])
    .where('instance_regions.volume', '=', key)
    .where((is) => is.or([is('instances.desired', '=', 'running'), is('instance_regions.state', '!=', 'stopped')]))
    .execute();
}

/** Numbers of the instances that read the volume when they run, stopped ones too. */
export async function readersOfVolume(db: Queries, key: string): Promise<number[]> {
  const found = await db
    .selectFrom('instance_regions')
    .innerJoin('instances', 'instances.id', 'instance_regions.instance_id')
    .select('instances.id')
    .where('instance_regions.volume', '=', key)
    .where('instances.desired', '!=', 'deleted')
    .orderBy('instances.id')
    .execute();
  return found.map(({ id }) => id);
}
