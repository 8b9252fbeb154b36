import type { Caller } from '../base/caller.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { instanceFor, writeChange } from './change-instance.ts';
import type { InstanceDeps } from './dependencies.ts';
import type { Instance } from './instance.ts';
import type { DesiredUpdate } from './table.ts';

/** A stopped instance can be restarted. A deleted one is removed from the lists. */
export type End = 'stop' | 'delete';

export interface PreparedEnd {
  end: End;
  instance: Instance;
}

export async function prepareEnd(
  deps: InstanceDeps,
  reference: string,
  end: End,
  caller: Caller,
): Promise<PreparedEnd> {
  return { end, instance: await instanceFor(deps, reference, end, caller) };
}

const updates: Record<End, DesiredUpdate> = {
  stop: { desired: 'stopped', state: 'stopping', stopAt: null },
  delete: { desired: 'deleted', stopAt: null },
};

export async function commitEnd(deps: InstanceDeps, { end, instance }: PreparedEnd, unit: UnitOfWork) {
  await writeChange(deps, instance, updates[end], unit);
  return { instance: instance.id, model: instance.name, state: end === 'stop' ? 'stopping' : 'deleted' };
}
