import type { WorkKey } from '../base/work-key.ts';
import type { Region } from '../region/region.ts';
import {
  dueToStop,
  findInstance,
  holdInstance,
  restlessRegions,
  updateDesired,
  wantedInstances,
} from '../instances/table.ts';
import { unfinishedVolumes } from '../volumes/table.ts';
import { enforcePolicy } from './enforce-cache-policy.ts';
import { reconcileVolume } from './reconcile-volume.ts';
import { createEndingHints } from '../instances/ending.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import { reconcileRegion } from './reconcile-instance.ts';
import { WorkQueue } from '../base/work-queue.ts';
import type { Requeue } from '../base/work-queue.ts';

export interface Reconciler {
  nudge(key: WorkKey): void;
  /** Looks at everything that is not at rest, and goes on doing so. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Each key says itself when it wants to be looked at again: this finds what was lost. */
const resyncMs = 300_000;
const volumesMs = 30_000;
const dueMs = 5000;
const policyMs = 60_000;
const width = 8;

export function createReconciler(given: Omit<ReconcilerDeps, 'nudge'>): Reconciler {
  const nudge = (key: WorkKey): void => queue.nudge(nameOf(key));
  const deps: ReconcilerDeps = { ...given, nudge };
  const queue = new WorkQueue({
    clock: given.clock,
    width,
    work: (name) => work(deps, name),
    onError: (name, thrown) => given.log.error({ err: thrown, key: name }, 'reconcile failed; it is tried again'),
  });
  const timers = new DisposableStack();
  const every = (ms: number, task: () => Promise<void>): void => {
    const run = (): void => {
      task().catch((thrown: unknown) => given.log.error({ err: thrown }, 'resync failed; it is tried again'));
    };
    run();
    timers.use(given.clock.every(ms, run));
  };
  return {
    nudge,
    async start() {
      every(resyncMs, () => sweep(deps));
      every(resyncMs, () => resync(deps));
      every(volumesMs, () => resyncVolumes(deps));
      every(dueMs, () => stopDue(deps));
      every(dueMs, createEndingHints(deps));
      every(policyMs, () => enforcePolicy(deps));
    },
    async close() {
      timers.dispose();
      await queue.close();
    },
  };
}

function nameOf(key: WorkKey): string {
  return 'volume' in key ? `volume/${key.volume}` : `instance/${key.instance}/${key.region}`;
}

function work(deps: ReconcilerDeps, name: string): Promise<Requeue> {
  const [kind, first, region] = name.split('/') as [string, string, string | undefined];
  return kind === 'volume' ? reconcileVolume(deps, first) : reconcileRegion(deps, Number(first), region as string);
}

async function resyncVolumes(deps: ReconcilerDeps): Promise<void> {
  for (const volume of await unfinishedVolumes(deps.store.db)) deps.nudge({ volume });
}

async function resync(deps: ReconcilerDeps): Promise<void> {
  for (const { id, region } of await restlessRegions(deps.store.db)) deps.nudge({ instance: id, region });
}

/** Ends what runs for instances that should not run: leftovers of a crash between a decision and its execution. */
async function sweep(deps: ReconcilerDeps): Promise<void> {
  // One region that does not answer keeps no other from being swept.
  const swept = await Promise.allSettled(deps.fleet.regions().map((region) => sweepRegion(deps, region)));
  const failed = swept.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}

async function sweepRegion(deps: ReconcilerDeps, region: Region): Promise<void> {
  const there = await region.listWorkloads();
  // Read after what is there: every workload is younger than its instance's row.
  const wanted = await wantedInstances(deps.store.db);
  for (const id of there) if (!wanted.has(id)) deps.nudge({ instance: id, region: region.name });
}

async function stopDue(deps: ReconcilerDeps): Promise<void> {
  const now = deps.clock.now().toISOString();
  for (const id of await dueToStop(deps.store.db, now)) {
    const instance = await findInstance(deps.store.db, id);
    if (!instance) continue;
    const stopped = await deps.store.transaction(async (transaction) => {
      await holdInstance(transaction, id);
      const held = await findInstance(transaction, id);
      // More time was given, or somebody stopped it, since it was found.
      if (held?.desired !== 'running' || held.stopAt === undefined || held.stopAt > now) return false;
      await updateDesired(transaction, id, { desired: 'stopped', state: 'stopping', stopAt: null }, now);
      return true;
    });
    if (!stopped) continue;
    deps.log.info({ instance: id }, 'its time is over: the instance is stopped');
    for (const { region } of instance.regions) deps.nudge({ instance: id, region });
    deps.changes.publish({ kind: 'instance', id: String(id) });
  }
}
