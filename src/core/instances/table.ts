import type { Transaction } from 'kysely';
import type { Instance, InstanceRegion, InstanceSpec } from './instance.ts';
import { wholeState } from './states.ts';
import type { InstanceState } from './states.ts';
import type { Reason } from '../base/reason.ts';
import type { Database } from '../store/schema.ts';
import type { Queries, Store } from '../store/store.ts';

export interface NewInstance {
  name: string;
  entryId: string;
  spec: InstanceSpec;
  owner: string;
  private: boolean;
  createdAt: string;
  stopAt: string | undefined;
  regions: { region: string; volume: string | undefined }[];
}

export async function insertInstance(db: Transaction<Database>, instance: NewInstance): Promise<number> {
  const { id } = await db
    .insertInto('instances')
    .values({
      name: instance.name,
      entry_id: instance.entryId,
      desired: 'running',
      spec: JSON.stringify(instance.spec),
      generation: 1,
      state: 'pending',
      ready: 0,
      owner_id: instance.owner,
      private: instance.private ? 1 : 0,
      created_at: instance.createdAt,
      stop_at: instance.stopAt ?? null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await insertRegions(db, id, instance.regions, instance.createdAt);
  return id;
}

async function insertRegions(db: Queries, id: number, regions: NewInstance['regions'], at: string): Promise<void> {
  await db
    .insertInto('instance_regions')
    .values(
      regions.map(({ region, volume }) => ({
        instance_id: id,
        region,
        volume: volume ?? null,
        state: 'pending',
        ready: 0,
        restarts: 0,
        reason: null,
        urls: '[]',
        updated_at: at,
      })),
    )
    .execute();
}

function rows(db: Queries) {
  return db
    .selectFrom('instances')
    .innerJoin('persons', 'persons.id', 'instances.owner_id')
    .selectAll('instances')
    .select('persons.name as owner_name');
}

type Row = Awaited<ReturnType<ReturnType<typeof rows>['execute']>>[number];
type RegionRow = Awaited<ReturnType<typeof regionRows>>[number];

function regionRows(db: Queries, ids: readonly number[]) {
  return db
    .selectFrom('instance_regions')
    .selectAll()
    .where('instance_id', 'in', [...ids, -1])
    .orderBy('region')
    .execute();
}

function toRegion(row: RegionRow): InstanceRegion {
  return {
    region: row.region,
    state: row.state as InstanceState,
    ready: row.ready,
    restarts: row.restarts,
    urls: JSON.parse(row.urls) as string[],
    ...(row.volume === null ? {} : { volume: row.volume }),
    ...(row.reason === null ? {} : { reason: JSON.parse(row.reason) as Reason }),
    ...(row.image === null ? {} : { image: row.image }),
    ...(row.context_length === null ? {} : { contextLength: row.context_length }),
  };
}

function toInstance(row: Row, regions: readonly RegionRow[]): Instance {
  return {
    id: row.id,
    name: row.name,
    entryId: row.entry_id,
    desired: row.desired,
    spec: JSON.parse(row.spec) as InstanceSpec,
    generation: row.generation,
    state: row.state as InstanceState,
    ready: row.ready,
    owner: row.owner_id,
    ownerName: row.owner_name,
    private: row.private === 1,
    createdAt: row.created_at,
    regions: regions.filter((region) => region.instance_id === row.id).map(toRegion),
    ...(row.stop_at === null ? {} : { stopAt: row.stop_at }),
  };
}

async function withRegions(db: Queries, found: readonly Row[]): Promise<Instance[]> {
  const regions = await regionRows(
    db,
    found.map((row) => row.id),
  );
  return found.map((row) => toInstance(row, regions));
}

/** Deleted ones too: whoever asks decides what they mean. */
export async function findInstance(db: Queries, id: number): Promise<Instance | undefined> {
  const row = await rows(db).where('instances.id', '=', id).executeTakeFirst();
  return row && (await withRegions(db, [row]))[0];
}

export interface InstanceQuery {
  state?: string | undefined;
  entryId?: string | undefined;
  before?: number | undefined;
  limit: number;
  visibleTo: string | undefined;
}

/** Newest first, deleted ones left out; one more than the limit. */
export async function searchInstances(db: Queries, query: InstanceQuery): Promise<Instance[]> {
  let found = rows(db).where('instances.desired', '!=', 'deleted');
  if (query.state !== undefined) found = found.where('instances.state', '=', query.state);
  if (query.entryId !== undefined) found = found.where('instances.entry_id', '=', query.entryId);
  if (query.before !== undefined) found = found.where('instances.id', '<', query.before);
  if (query.visibleTo !== undefined) {
    const person = query.visibleTo;
    found = found.where((is) => is.or([is('instances.private', '=', 0), is('instances.owner_id', '=', person)]));
  }
  return withRegions(
    db,
    await found
      .orderBy('instances.id', 'desc')
      .limit(query.limit + 1)
      .execute(),
  );
}

/** Keys of everything that a reconciler has to look at after a start: whatever is not at rest. */
export async function restlessRegions(db: Queries): Promise<{ id: number; region: string }[]> {
  const found = await db
    .selectFrom('instance_regions')
    .innerJoin('instances', 'instances.id', 'instance_regions.instance_id')
    .select(['instances.id', 'instance_regions.region'])
    .where((is) => is.or([is('instances.desired', '=', 'running'), is('instance_regions.state', '!=', 'stopped')]))
    .execute();
  return found;
}

/** Numbers of the instances that are to run. */
export async function wantedInstances(db: Queries): Promise<Set<number>> {
  const found = await db.selectFrom('instances').select('id').where('desired', '=', 'running').execute();
  return new Set(found.map((row) => row.id));
}

export interface RegionStatusUpdate {
  state: InstanceState;
  ready: number;
  restarts: number;
  reason: Reason | undefined;
  urls: readonly string[];
}

/** Writes what was seen of one region and, in the same transaction, what follows for the whole. Answers with the whole's state. */
export async function saveRegionStatus(
  db: Transaction<Database>,
  id: number,
  region: string,
  update: RegionStatusUpdate,
  at: string,
): Promise<InstanceState> {
  await db
    .updateTable('instance_regions')
    .set({
      state: update.state,
      ready: update.ready,
      restarts: update.restarts,
      reason: update.reason === undefined ? null : JSON.stringify(update.reason),
      urls: JSON.stringify(update.urls),
      updated_at: at,
    })
    .where('instance_id', '=', id)
    .where('region', '=', region)
    .execute();
  return recompute(db, id);
}

/** What was found out of what runs: it stays until what runs is replaced, which may have happened since one looked. */
export async function saveWhatRuns(
  db: Queries,
  { id, generation }: { id: number; generation: number },
  region: string,
  found: { image?: string; contextLength?: number },
): Promise<void> {
  const { image, contextLength } = found;
  await db
    .updateTable('instance_regions')
    .set({
      ...(image === undefined ? {} : { image }),
      ...(contextLength === undefined ? {} : { context_length: contextLength }),
    })
    .where('instance_id', 'in', (from) =>
      from.selectFrom('instances').select('id').where('id', '=', id).where('generation', '=', generation),
    )
    .where('region', '=', region)
    .execute();
}

async function recompute(db: Queries, id: number): Promise<InstanceState> {
  const regions = await regionRows(db, [id]);
  const state = wholeState(regions.map((row) => row.state as InstanceState));
  const ready = regions.reduce((sum, row) => sum + row.ready, 0);
  await db.updateTable('instances').set({ state, ready }).where('id', '=', id).execute();
  return state;
}

/** Makes every other transaction that changes the instance wait: a write that changes nothing holds the row on both databases. */
export async function holdInstance(db: Transaction<Database>, id: number): Promise<void> {
  await db
    .updateTable('instances')
    .set((is) => ({ generation: is.ref('generation') }))
    .where('id', '=', id)
    .execute();
}

export interface DesiredUpdate {
  desired?: 'running' | 'stopped' | 'deleted';
  entryId?: string;
  spec?: InstanceSpec;
  generation?: number;
  /** Written to every region at once, so that callers see at once that something has begun. */
  state?: InstanceState;
  regions?: NewInstance['regions'];
  stopAt?: string | null;
}

export async function updateDesired(
  db: Transaction<Database>,
  id: number,
  update: DesiredUpdate,
  at: string,
): Promise<void> {
  const set = {
    ...(update.desired === undefined ? {} : { desired: update.desired }),
    ...(update.entryId === undefined ? {} : { entry_id: update.entryId }),
    ...(update.spec === undefined ? {} : { spec: JSON.stringify(update.spec) }),
    ...(update.generation === undefined ? {} : { generation: update.generation }),
    ...(update.stopAt === undefined ? {} : { stop_at: update.stopAt }),
  };
  if (Object.keys(set).length > 0) await db.updateTable('instances').set(set).where('id', '=', id).execute();
  for (const { region, volume } of update.regions ?? []) {
    await db
      .updateTable('instance_regions')
      .set({ volume: volume ?? null, context_length: null })
      .where('instance_id', '=', id)
      .where('region', '=', region)
      .execute();
  }
  if (update.state === undefined) return;
  await db
    .updateTable('instance_regions')
    .set({ state: update.state, reason: null, updated_at: at })
    .where('instance_id', '=', id)
    .execute();
  await recompute(db, id);
}

/** Numbers of the instances whose time has come. */
export async function dueToStop(db: Queries, now: string): Promise<number[]> {
  const found = await db
    .selectFrom('instances')
    .select('id')
    .where('desired', '=', 'running')
    .where('stop_at', '<=', now)
    .execute();
  return found.map((row) => row.id);
}

export type Ending = Instance & { stopAt: string };

/** Instances that stop by themselves between two times; `untoldOnly`: whose owner was not told of this end. */
export async function endingBetween(db: Queries, from: string, to: string, untoldOnly: boolean): Promise<Ending[]> {
  let found = rows(db)
    .where('instances.desired', '=', 'running')
    .where('instances.stop_at', '>', from)
    .where('instances.stop_at', '<=', to);
  if (untoldOnly) {
    found = found.where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('notices')
            .select('notices.subject')
            .where('notices.kind', '=', 'instance')
            .whereRef('notices.subject', '=', 'instances.id')
            .whereRef('notices.about', '=', 'instances.stop_at')
            .where('notices.given_at', 'is not', null),
        ),
      ),
    );
  }
  return (await withRegions(db, await found.execute())) as Ending[];
}

/** Before a server that ends its replicas goes: nothing of them may look as if it still ran. */
export async function markUnattended(store: Store, at: string, regions: readonly string[]): Promise<void> {
  const gone = { state: 'pending' as const, ready: 0, restarts: 0, reason: undefined, urls: [] };
  for (const { id, region } of await restlessRegions(store.db)) {
    const instance = regions.includes(region) ? await findInstance(store.db, id) : undefined;
    if (instance?.desired !== 'running') continue;
    await store.transaction((transaction) => saveRegionStatus(transaction, id, region, gone, at));
  }
}

/** The specs of a person's instances that should run. */
export async function specsOfRunning(db: Queries, person: string): Promise<InstanceSpec[]> {
  const found = await db
    .selectFrom('instances')
    .select('spec')
    .where('owner_id', '=', person)
    .where('desired', '=', 'running')
    .execute();
  return found.map(({ spec }) => JSON.parse(spec) as InstanceSpec);
}
