import type { Transaction } from 'kysely';
import { z } from 'zod';
import { categories } from '../base/categories.ts';
import { reasonSchema } from '../base/reason.ts';
import type { Reason } from '../base/reason.ts';
import { readJsonColumn } from '../store/json-column.ts';
import type { Database } from '../store/schema.ts';
import { instanceSpecSchema } from './instance.ts';
import type { Instance, InstanceRegion, InstanceSpec } from './instance.ts';
import { instanceStates, wholeState } from './states.ts';
import type { InstanceState } from './states.ts';
import type { Queries, Store } from '../store/store.ts';

export interface NewInstance {
  name: string;
  registryModelId: string;
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
      entry_id: instance.registryModelId,
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
    .leftJoin('models', 'models.id', 'instances.entry_id')
    .selectAll('instances')
    .select(['persons.name as owner_name', 'models.category as category']);
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

const urlsSchema = z.array(z.string());

/** The reconciler soon writes the columns of a region again, so damaged ones get a default. */
function toRegion(row: RegionRow): InstanceRegion {
  return {
    region: row.region,
    state: parseState(row.state),
    ready: row.ready,
    restarts: row.restarts,
    urls: readJsonColumn(urlsSchema, row.urls) ?? [],
    volume: row.volume ?? undefined,
    reason: readJsonColumn(reasonSchema, row.reason),
    image: row.image ?? undefined,
    contextLength: row.context_length ?? undefined,
    updatedAt: row.updated_at,
  };
}

function parseState(column: string): InstanceState {
  return instanceStates.find((state) => state === column) ?? 'pending';
}

function toInstance(row: Row, spec: InstanceSpec, regions: readonly RegionRow[]): Instance {
  return {
    id: row.id,
    name: row.name,
    category: categories.find((each) => each === row.category),
    registryModelId: row.entry_id,
    desired: row.desired,
    spec,
    generation: row.generation,
    state: parseState(row.state),
    ready: row.ready,
    owner: row.owner_id,
    ownerName: row.owner_name,
    private: row.private === 1,
    createdAt: row.created_at,
    regions: regions.filter((region) => region.instance_id === row.id).map(toRegion),
    stopAt: row.stop_at ?? undefined,
    startedAt: row.started_at ?? row.created_at,
  };
}

/** Throws if the spec is damaged: to act on a default would end replicas that run. */
function parseSpec(id: number, column: string): InstanceSpec {
  const spec = readJsonColumn(instanceSpecSchema, column);
  if (spec) return spec;
  throw new Error(`The stored spec of instance ${id} is damaged.`);
}

/** Lists show an instance with a damaged spec as one without replicas. */
const emptySpec: InstanceSpec = { replicas: 0, regions: [] };

async function listed(db: Queries, found: readonly Row[]): Promise<Instance[]> {
  const regions = await regionRows(
    db,
    found.map((row) => row.id),
  );
  return found.map((row) => toInstance(row, readJsonColumn(instanceSpecSchema, row.spec) ?? emptySpec, regions));
}

/** Whose an instance is, also of a deleted one. Undefined if there never was one of this number. */
export async function privacyOfInstance(
  db: Queries,
  id: number,
): Promise<{ private: boolean; owner: string } | undefined> {
  const found = await db
    .selectFrom('instances')
    .select(['private', 'owner_id as owner'])
    .where('id', '=', id)
    .executeTakeFirst();
  return found && { private: found.private === 1, owner: found.owner };
}

/** Finds deleted instances too. Throws if the stored spec is damaged. */
export async function findInstance(db: Queries, id: number): Promise<Instance | undefined> {
  const row = await rows(db).where('instances.id', '=', id).executeTakeFirst();
  return row && toInstance(row, parseSpec(id, row.spec), await regionRows(db, [id]));
}

/** Names of the accelerators of these instances, each once. */
export async function acceleratorsOf(db: Queries, ids: readonly number[]): Promise<string[]> {
  const found = await db
    .selectFrom('instances')
    .select('spec')
    .where('id', 'in', [...ids, -1])
    .execute();
  return [...new Set(found.flatMap(({ spec }) => readJsonColumn(instanceSpecSchema, spec)?.accelerator ?? []))];
}

export interface InstanceQuery {
  state?: string;
  registryModelId?: string;
  before?: number;
  limit: number;
  /** Id of a person. Undefined: all instances are found. */
  visibleTo: string | undefined;
}

/** Newest first, without deleted ones. Returns one more than the limit, so that the caller sees whether there are more. */
export async function searchInstances(db: Queries, query: InstanceQuery): Promise<Instance[]> {
  let found = rows(db).where('instances.desired', '!=', 'deleted');
  if (query.state !== undefined) found = found.where('instances.state', '=', query.state);
  if (query.registryModelId !== undefined) found = found.where('instances.entry_id', '=', query.registryModelId);
  if (query.before !== undefined) found = found.where('instances.id', '<', query.before);
  if (query.visibleTo !== undefined) {
    const person = query.visibleTo;
    found = found.where((is) => is.or([is('instances.private', '=', 0), is('instances.owner_id', '=', person)]));
  }
  return listed(
    db,
    await found
      .orderBy('instances.id', 'desc')
      .limit(query.limit + 1)
      .execute(),
  );
}

/** What the reconciler looks at after a start: regions of instances that should run, or that have not stopped. */
export async function regionsToReconcile(db: Queries): Promise<{ id: number; region: string }[]> {
  return unsettled(db).select(['instances.id', 'instance_regions.region']).execute();
}

function unsettled(db: Queries) {
  return db
    .selectFrom('instance_regions')
    .innerJoin('instances', 'instances.id', 'instance_regions.instance_id')
    .where((is) => is.or([is('instances.desired', '=', 'running'), is('instance_regions.state', '!=', 'stopped')]));
}

/** Ids of the instances that should run. */
export async function instancesToRun(db: Queries): Promise<Set<number>> {
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

/** Writes the status of one region, and the instance's state that follows from it. Returns the latter. */
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
  return updateState(db, id);
}

/** Writes facts about the running replicas, unless a newer generation has replaced them since they were observed. */
export async function saveObservedFacts(
  db: Queries,
  { id, generation }: { id: number; generation: number },
  region: string,
  found: { image?: string; contextLength?: number },
): Promise<void> {
  const { image, contextLength } = found;
  await db
    .updateTable('instance_regions')
    .set({ image, context_length: contextLength })
    .where('instance_id', 'in', (from) =>
      from.selectFrom('instances').select('id').where('id', '=', id).where('generation', '=', generation),
    )
    .where('region', '=', region)
    .execute();
}

async function updateState(db: Queries, id: number): Promise<InstanceState> {
  const regions = await regionRows(db, [id]);
  const state = wholeState(regions.map((row) => parseState(row.state)));
  const ready = regions.reduce((sum, row) => sum + row.ready, 0);
  await db.updateTable('instances').set({ state, ready }).where('id', '=', id).execute();
  return state;
}

/** Makes other transactions that change the instance wait. A write without effect locks the row on both databases. */
export async function lockInstance(db: Transaction<Database>, id: number): Promise<void> {
  await db
    .updateTable('instances')
    .set((is) => ({ generation: is.ref('generation') }))
    .where('id', '=', id)
    .execute();
}

export interface DesiredUpdate {
  desired?: 'running' | 'stopped' | 'deleted';
  registryModelId?: string;
  spec?: InstanceSpec;
  generation?: number;
  /** The new state of every region, so that callers see the change before the reconciler acts. */
  state?: InstanceState;
  regions?: NewInstance['regions'];
  stopAt?: string | null;
  startedAt?: string | undefined;
  private?: boolean;
}

export async function updateDesired(
  db: Transaction<Database>,
  id: number,
  update: DesiredUpdate,
  at: string,
): Promise<void> {
  const set = {
    desired: update.desired,
    entry_id: update.registryModelId,
    spec: update.spec && JSON.stringify(update.spec),
    generation: update.generation,
    stop_at: update.stopAt,
    started_at: update.startedAt,
    private: update.private === undefined ? undefined : Number(update.private),
  };
  if (Object.values(set).some((value) => value !== undefined))
    await db.updateTable('instances').set(set).where('id', '=', id).execute();
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
  await updateState(db, id);
}

/** Ids of the instances whose stop time has passed. */
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

/** Instances that stop by themselves between two times. With `unwarnedOnly`, only those whose owner was not warned. */
export async function endingBetween(db: Queries, from: string, to: string, unwarnedOnly: boolean): Promise<Ending[]> {
  let found = rows(db)
    .where('instances.desired', '=', 'running')
    .where('instances.stop_at', '>', from)
    .where('instances.stop_at', '<=', to);
  if (unwarnedOnly) {
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
  const instances = await listed(db, await found.execute());
  return instances.flatMap(({ stopAt, ...instance }) => (stopAt === undefined ? [] : [{ ...instance, stopAt }]));
}

/** Before a server ends that takes its replicas along: marks them as not running. */
export async function markUnattended(store: Store, at: string, regions: readonly string[]): Promise<void> {
  const gone = { state: 'pending', ready: 0, restarts: 0, reason: undefined, urls: [] } as const;
  const found = await unsettled(store.db)
    .select(['instances.id', 'instance_regions.region'])
    .where('instances.desired', '=', 'running')
    .where('instance_regions.region', 'in', [...regions, ''])
    .execute();
  for (const { id, region } of found) {
    await store.transaction((transaction) => saveRegionStatus(transaction, id, region, gone, at));
  }
}

/** The specs of a person's instances that should run. Throws if one is damaged, because limits could not count it. */
export async function specsOfRunning(db: Queries, person: string): Promise<InstanceSpec[]> {
  const found = await db
    .selectFrom('instances')
    .select(['id', 'spec'])
    .where('owner_id', '=', person)
    .where('desired', '=', 'running')
    .execute();
  return found.map(({ id, spec }) => parseSpec(id, spec));
}
