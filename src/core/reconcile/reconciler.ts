import type { WorkKey } from '../base/work-key.ts';
import type { Region } from '../region/region.ts';
import {
  dueToStop,
  findInstance,
  instancesToRun,
  lockInstance,
  regionsToReconcile,
  updateDesired,
} from '../instances/table.ts';
import { unfinishedVolumes } from '../volumes/table.ts';
import { fenceFleet, fenceStore } from './fence.ts';
import { enforcePolicy } from './enforce-cache-policy.ts';
import { reconcileVolume } from './reconcile-volume.ts';
import { createEndingHints } from '../instances/ending.ts';
import type { ReconcilerDeps } from './dependencies.ts';
import { reconcileRegion } from './reconcile-instance.ts';
import { WorkQueue } from '../base/work-queue.ts';
import type { Requeue } from '../base/work-queue.ts';

export interface Reconciler {
  nudge(key: WorkKey): void;
  /** Starts the reconciliation of everything that is not settled. It runs until `close`. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** How soon a key is looked at again while another server may have the lease. */
const leaseMs = 1000;
/** Each key requeues itself. The resync finds keys that were lost. */
const resyncMs = 300_000;
const volumesMs = 30_000;
const dueMs = 5000;
const policyMs = 60_000;
const concurrency = 8;

export function createReconciler(given: Omit<ReconcilerDeps, 'nudge'>): Reconciler {
  const nudge = (key: WorkKey): void => queue.nudge(nameOf(key));
  const { lease } = given;
  const deps: ReconcilerDeps = {
    ...given,
    store: fenceStore(given.store, lease),
    fleet: fenceFleet(given.fleet, lease),
    nudge,
  };
  const queue = new WorkQueue({
    clock: given.clock,
    width: concurrency,
    work: async (name) => (lease.isHeld() ? work(deps, name) : leaseMs),
    onError: (name, thrown) => given.log.error({ err: thrown, key: name }, 'reconcile failed; it is tried again'),
  });
  const timers = new DisposableStack();
  const every = (ms: number, task: () => Promise<void>): void => {
    const run = (): void => {
      if (!lease.isHeld()) return;
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
  const [kind, first = '', region = ''] = name.split('/');
  return kind === 'volume' ? reconcileVolume(deps, first) : reconcileRegion(deps, Number(first), region);
}

async function resyncVolumes(deps: ReconcilerDeps): Promise<void> {
  for (const volume of await unfinishedVolumes(deps.store.db)) deps.nudge({ volume });
}

async function resync(deps: ReconcilerDeps): Promise<void> {
  for (const { id, region } of await regionsToReconcile(deps.store.db)) deps.nudge({ instance: id, region });
}

/** Ends workloads of instances that should not run. A crash between a decision and its execution leaves some. */
async function sweep(deps: ReconcilerDeps): Promise<void> {
  // If one region does not answer, the others are still swept.
  const swept = await Promise.allSettled(deps.fleet.regions().map((region) => sweepRegion(deps, region)));
  const failed = swept.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}

async function sweepRegion(deps: ReconcilerDeps, region: Region): Promise<void> {
  const running = await region.listWorkloads();
  // Read after the list: every workload is younger than its instance's row.
  const wanted = await instancesToRun(deps.store.db);
  for (const id of running) if (!wanted.has(id)) deps.nudge({ instance: id, region: region.name });
}

async function stopDue(deps: ReconcilerDeps): Promise<void> {
  const now = deps.clock.now().toISOString();
  for (const id of await dueToStop(deps.store.db, now)) {
    // A damaged row must not keep the other instances running.
    await stopOne(deps, id, now).catch((thrown: unknown) =>
      deps.log.error({ err: thrown, instance: id }, 'the instance could not be stopped; it is tried again'),
    );
  }
}

async function stopOne(deps: ReconcilerDeps, id: number, now: string): Promise<void> {
  const stopped = await deps.store.transaction(async (transaction) => {
    await lockInstance(transaction, id);
    const instance = await findInstance(transaction, id);
    // Since it was found, somebody may have extended or stopped it.
    if (instance?.desired !== 'running' || instance.stopAt === undefined || instance.stopAt > now) return undefined;
    await updateDesired(transaction, id, { desired: 'stopped', state: 'stopping', stopAt: null }, now);
    return instance;
  });
  if (!stopped) return;
  deps.log.info({ instance: id }, 'its stop time has passed: the instance is stopped');
  for (const { region } of stopped.regions) deps.nudge({ instance: id, region });
  deps.changes.publish({ kind: 'instance', id: String(id) });
}
