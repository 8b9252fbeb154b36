import type { Caller } from '../base/caller.ts';
import type { InstanceDeps } from './dependencies.ts';
import { modelId } from './instance.ts';
import { searchInstances } from './table.ts';

const mostShown = 5;
const mostRead = 50;

/** The newest instances of a model that run or are on their way to it, as far as the caller may see them. */
export async function runningOf({ store }: Pick<InstanceDeps, 'store'>, registryModelId: string, caller: Caller) {
  const visibleTo = caller.person.role === 'admin' ? undefined : caller.person.id;
  const found = await searchInstances(store.db, { registryModelId, limit: mostRead, visibleTo });
  return found
    .filter(({ desired, state }) => desired === 'running' && state !== 'failed')
    .slice(0, mostShown)
    .map((instance) => ({
      instance: instance.id,
      model_id: modelId(instance),
      state: instance.state,
      regions: instance.regions.map(({ region }) => region),
    }));
}
