import { loadConfig } from '../core/config/load.ts';
import { plainText } from '../core/format.ts';
import type { Check } from './doctor-checks.ts';

/** Every Kubernetes region of the config, all at once: each takes as long as a pod needs to start. */
export async function regionChecks(): Promise<Check[]> {
  const config = readConfig();
  const regions = (config?.regions ?? []).filter((region) => region.kind === 'kubernetes');
  if (!config || regions.length === 0) return [];
  const { examineRegion } = await import('../core/regions/kubernetes/examine.ts');
  const found = await Promise.all(
    regions.map(async (region) => {
      const findings = await examineRegion(region, config.hub.endpoint);
      return findings.map(({ said, ...rest }) => ({ name: region.name, said: plainText(said), ...rest }));
    }),
  );
  return found.flat();
}

/** One that cannot be read is another check's finding. */
function readConfig(): ReturnType<typeof loadConfig> | undefined {
  try {
    return loadConfig();
  } catch {
    return undefined;
  }
}
