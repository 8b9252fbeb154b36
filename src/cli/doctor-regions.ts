import { loadConfig } from '../core/config/load.ts';
import type { Config } from '../core/config/config.ts';
import { kubernetesRegion } from '../core/config/kubernetes-region.ts';
import { systemClock } from '../core/base/clock.ts';
import { plainText } from '../core/base/format.ts';
import { randomId } from '../core/base/ids.ts';
import { plainWords } from '../core/base/prose.ts';
import { isStoreMade } from './doctor-checks.ts';
import type { Check } from './doctor-checks.ts';

/** Every Kubernetes region of the config, all at once: each takes as long as a pod needs to start. */
export async function regionChecks(say: (line: string) => void): Promise<Check[]> {
  const config = readConfig();
  const regions = (config?.regions ?? []).filter((region) => region.kind === 'kubernetes');
  if (!config || regions.length === 0) return [];
  const { checkRegion } = await import('../core/regions/kubernetes/doctor/check-region.ts');
  say('Trying out each Kubernetes region with a small claim and a pod: two minutes where they do not start.');
  const store = await storeIdentity(config);
  const found = await Promise.all(
    regions.map(async (region) => {
      const deps = { store, clock: systemClock, newId: randomId };
      const results = await checkRegion({
        config: kubernetesRegion.parse(region),
        hubEndpoint: config.hub.endpoint,
        ...deps,
      });
      return results.map(({ state, said, fix }) => ({
        name: region.name,
        state,
        said: plainText(said),
        fix: fix === undefined ? undefined : plainText(plainWords(fix)),
      }));
    }),
  );
  return found.flat();
}

/** Empty where the store is not made yet; undefined where it does not answer, which is another check's finding. */
async function storeIdentity(config: Config): Promise<string | undefined> {
  if (!isStoreMade(config)) return '';
  const { openStore } = await import('../core/store/store.ts');
  const { randomId } = await import('../core/base/ids.ts');
  const { storeIdOf } = await import('../core/store/store-id.ts');
  try {
    await using store = await openStore(config);
    return await storeIdOf(store.db, randomId);
  } catch {
    return undefined;
  }
}

/** One that cannot be read is another check's finding. */
function readConfig(): Config | undefined {
  try {
    return loadConfig();
  } catch {
    return undefined;
  }
}
