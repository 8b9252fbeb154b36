import { newId } from '../base/ids.ts';
import type { AuditLog } from '../audit/audit.ts';
import type { Caller } from '../base/caller.ts';
import { formatBytes } from '../base/format.ts';
import type { Log } from '../base/log.ts';
import { searchVolumes, usersOfVolume } from '../volumes/table.ts';
import { evictVolume } from '../volumes/evict-volume.ts';
import type { EvictParts } from '../volumes/evict-volume.ts';
import { planEviction } from '../volumes/plan-eviction.ts';
import type { Eviction, EvictionPolicy } from '../volumes/plan-eviction.ts';

export interface PolicyParts extends EvictParts {
  audit: AuditLog;
  log: Log;
  policy: EvictionPolicy;
  now: () => Date;
}

/** Nobody asked: the policy of the configuration did. */
const policyCaller: Caller = {
  person: { id: 'policy', name: 'cache policy', role: 'admin' },
  identity: 'policy',
  agent: false,
  mayDecide: false,
  source: 'system',
  scopes: [],
};

const mostVolumes = 10_000;

/** Evicts what the configured policy no longer keeps, region by region, and says so in the audit and the log. */
export async function enforcePolicy(parts: PolicyParts): Promise<void> {
  const { keepDays, maximumBytes } = parts.policy;
  if (keepDays === undefined && maximumBytes === undefined) return;
  for (const region of parts.places.regions()) {
    const volumes = await searchVolumes(parts.store.db, { region: region.name, limit: mostVolumes });
    const used = await Promise.all(
      volumes.map(async ({ key }) => ((await usersOfVolume(parts.store.db, key)).length > 0 ? [key] : [])),
    );
    const evictions = planEviction(volumes, new Set(used.flat()), parts.policy, parts.now().getTime());
    for (const eviction of evictions) await audited(parts, eviction);
  }
}

async function audited(parts: PolicyParts, { volume, why }: Eviction): Promise<void> {
  const started = performance.now();
  const request = newId('req');
  const input = JSON.stringify({ volume: volume.key, repo: volume.repo, region: volume.region, why });
  const opened = await parts.audit.open(policyCaller, 'evict_cache', input, request);
  const close = (end: { outcome: 'done' | 'failed'; code?: string }): Promise<void> =>
    parts.audit.close(opened, policyCaller, 'evict_cache', request, {
      ...end,
      durationMs: Math.round(performance.now() - started),
    });
  try {
    const freed = await evictVolume(parts, volume);
    parts.log.info(
      { volume: volume.key, region: volume.region, why },
      freed === undefined ? `evicted ${volume.repo}` : `evicted ${formatBytes(freed)} of ${volume.repo}`,
    );
    await close({ outcome: 'done' });
  } catch (thrown) {
    // It came into use meanwhile, or its region is away: the next round looks again.
    parts.log.info({ err: thrown, volume: volume.key }, 'not evicted');
    await close({ outcome: 'failed', code: 'volume_in_use' });
  }
}
