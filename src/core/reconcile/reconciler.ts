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
import type { Key, ReconcilerParts } from './dependencies.ts';
import { reconcileRegion } from './reconcile-instance.ts';
import { WorkQueue } from '../base/work-queue.ts';
import type { Requeue } from '../base/work-queue.ts';

export interface Reconciler {
  nudge(key: Key): void;
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

export function createReconciler(given: Omit<ReconcilerParts, 'nudge'>): Reconciler {
  const timers: NodeJS.Timeout[] = [];
  const nudge = (key: Key): void => queue.nudge(nameOf(key));
  const parts: ReconcilerParts = { ...given, nudge };
  const queue = new WorkQueue(
    width,
    (name) => work(parts, name),
    (name, thrown) => given.log.error({ err: thrown, key: name }, 'reconcile failed; it is tried again'),
  );
  const every = (ms: number, task: () => Promise<void>): void => {
    const run = (): void => {
      task().catch((thrown: unknown) => given.log.error({ err: thrown }, 'resync failed; it is tried again'));
    };
    run();
    const timer = setInterval(run, ms);
    timer.unref();
    timers.push(timer);
  };
  return {
    nudge,
    async start() {
      every(resyncMs, () => sweep(parts));
      every(resyncMs, () => resync(parts));
      every(volumesMs, () => resyncVolumes(parts));
      every(dueMs, () => stopDue(parts));
      every(dueMs, createEndingHints(parts));
      every(policyMs, () => enforcePolicy(parts));
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      await queue.close();
    },
  };
}

function nameOf(key: Key): string {
  return 'volume' in key ? `volume/${key.volume}` : `instance/${key.instance}/${key.region}`;
}

function work(parts: ReconcilerParts, name: string): Promise<Requeue> {
  const [kind, first, region] = name.split('/') as [string, string, string | undefined];
  return kind === 'volume' ? reconcileVolume(parts, first) : reconcileRegion(parts, Number(first), region as string);
}

async function resyncVolumes(parts: ReconcilerParts): Promise<void> {
  for (const volume of await unfinishedVolumes(parts.store.db)) parts.nudge({ volume });
}

async function resync(parts: ReconcilerParts): Promise<void> {
  for (const { id, region } of await restlessRegions(parts.store.db)) parts.nudge({ instance: id, region });
}

/** Ends what runs for instances that should not run: leftovers of a crash between a decision and its execution. */
async function sweep(parts: ReconcilerParts): Promise<void> {
  // One region that does not answer keeps no other from being swept.
  const swept = await Promise.allSettled(parts.places.regions().map((region) => sweepRegion(parts, region)));
  const failed = swept.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}

async function sweepRegion(parts: ReconcilerParts, region: Region): Promise<void> {
  const there = await region.listWorkloads();
  // Read after what is there: every workload is younger than its instance's row.
  const wanted = await wantedInstances(parts.store.db);
  for (const id of there) if (!wanted.has(id)) parts.nudge({ instance: id, region: region.name });
}

async function stopDue(parts: ReconcilerParts): Promise<void> {
  const now = parts.now().toISOString();
  for (const id of await dueToStop(parts.store.db, now)) {
    const instance = await findInstance(parts.store.db, id);
    if (!instance) continue;
    const stopped = await parts.store.transaction(async (transaction) => {
      await holdInstance(transaction, id);
      const held = await findInstance(transaction, id);
      // More time was given, or somebody stopped it, since it was found.
      if (held?.desired !== 'running' || held.stopAt === undefined || held.stopAt > now) return false;
      await updateDesired(transaction, id, { desired: 'stopped', state: 'stopping', stopAt: null }, now);
      return true;
    });
    if (!stopped) continue;
    parts.log.info({ instance: id }, 'its time is over: the instance is stopped');
    for (const { region } of instance.regions) parts.nudge({ instance: id, region });
    parts.changes.publish({ kind: 'instance', id: String(id) });
  }
}
