import type { NewId } from '../base/ids.ts';
import { asEcolinkError } from '../base/errors.ts';
import type { Fleet } from '../region/fleet.ts';
import { inUnitOfWork } from '../store/unit-of-work.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Caller } from '../base/caller.ts';
import { formatBytes } from '../base/format.ts';
import type { Log } from '../base/log.ts';
import { searchVolumes, usersOfVolume } from '../volumes/table.ts';
import { requestEviction, bytesIn, awaitEviction } from '../volumes/evict-volume.ts';
import type { EvictDeps } from '../volumes/evict-volume.ts';
import { planEviction } from '../volumes/plan-eviction.ts';
import type { Eviction, EvictionPolicy } from '../volumes/plan-eviction.ts';

export interface PolicyDeps extends EvictDeps {
  fleet: Fleet;
  audit: AuditLog;
  log: Log;
  policy: EvictionPolicy;
  newId: NewId;
}

/** The caller in the audit log: the configured policy evicts, not a person. */
const policyCaller: Caller = {
  person: { id: 'policy', name: 'cache policy', role: 'admin' },
  identity: 'policy',
  agent: false,
  mayDecide: false,
  source: 'system',
  scopes: [],
};

const maximumVolumes = 10_000;

/** Evicts the volumes that the configured policy does not keep, region by region. Audits and logs each eviction. */
export async function enforcePolicy(deps: PolicyDeps): Promise<void> {
  const { keepDays, maximumBytes } = deps.policy;
  if (keepDays === undefined && maximumBytes === undefined) return;
  for (const region of deps.fleet.regions()) {
    const volumes = await searchVolumes(deps.store.db, { region: region.name, limit: maximumVolumes });
    const used = await Promise.all(
      volumes.map(async ({ key }) => ((await usersOfVolume(deps.store.db, key)).length > 0 ? [key] : [])),
    );
    // A region that does not answer now must not stop the policy in the others.
    const storage = await region.storageOf(volumes.map(({ key }) => key)).catch(() => new Map());
    const evictions = planEviction(volumes, new Set(used.flat()), deps.policy, deps.clock.now().getTime(), storage);
    for (const eviction of evictions) await evictAudited(deps, eviction);
  }
}

async function evictAudited(deps: PolicyDeps, { volume, why }: Eviction): Promise<void> {
  const started = deps.clock.elapsedMs();
  const request = deps.newId('req');
  const input = JSON.stringify({ volume: volume.key, repo: volume.repo, region: volume.region, why });
  const opened = await deps.audit.open(policyCaller, 'evict_cache', input, request);
  const close = (end: { outcome: 'done' | 'failed'; code?: string }): Promise<void> =>
    deps.audit.close(opened, policyCaller, 'evict_cache', request, {
      ...end,
      durationMs: Math.round(deps.clock.elapsedMs() - started),
    });
  try {
    const bytes = await bytesIn(deps.fleet.region(volume.region), volume.key);
    await inUnitOfWork(deps.store, (unit) => requestEviction(deps, volume, unit));
    const freed = await awaitEviction(deps, { volume: volume.key, held_bytes: bytes }, undefined);
    deps.log.info(
      { volume: volume.key, region: volume.region, why },
      freed === undefined ? `evicted ${volume.repo}` : `evicted ${formatBytes(freed)} of ${volume.repo}`,
    );
    await close({ outcome: 'done' });
  } catch (thrown) {
    // An instance may use it by now, or its region may not answer. The next round tries again.
    deps.log.info({ err: thrown, volume: volume.key }, 'not evicted');
    await close({ outcome: 'failed', code: asEcolinkError(thrown, request).code });
  }
}
