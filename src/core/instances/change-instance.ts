import { isDeepStrictEqual } from 'node:util';
import { mayChange } from '../access/visibility.ts';
import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import type { InstanceDeps } from './dependencies.ts';
import { modelId } from './instance.ts';
import type { Instance } from './instance.ts';
import { findVisibleInstance } from './read-instances.ts';
import { statesOfAction, allows } from './states.ts';
import type { InstanceAction } from './states.ts';
import { findInstance, lockInstance, updateDesired } from './table.ts';
import type { DesiredUpdate } from './table.ts';

/** The instance of an action. Throws if the caller may not see or change it, or if its state does not allow the action. */
export async function instanceFor(
  deps: InstanceDeps,
  reference: string,
  action: InstanceAction,
  caller: Caller,
): Promise<Instance> {
  const instance = await findVisibleInstance(deps.store.db, reference, caller);
  if (!mayChange(instance, caller)) throw notYours(instance);
  refuseState(instance, action);
  return instance;
}

/** Writes an action's change. Throws `changed_meanwhile` if the instance was changed since it was read. */
export async function writeChange(
  deps: InstanceDeps,
  found: Instance,
  update: DesiredUpdate,
  unit: UnitOfWork,
): Promise<void> {
  const { db } = unit;
  await lockInstance(db, found.id);
  const now = await findInstance(db, found.id);
  if (!now || isChanged(now, found)) throw changedMeanwhile(found);
  await updateDesired(db, found.id, update, deps.now().toISOString());
  unit.afterCommit(() => {
    for (const { region } of found.regions) deps.nudge({ instance: found.id, region });
    deps.changes.publish({ kind: 'instance', id: String(found.id) });
  });
}

/** The change was decided on these values. With others, it would undo somebody else's change. */
function isChanged(now: Instance, found: Instance): boolean {
  return (
    now.generation !== found.generation ||
    now.desired !== found.desired ||
    now.stopAt !== found.stopAt ||
    !isDeepStrictEqual(now.spec, found.spec)
  );
}

function refuseState(instance: Instance, action: InstanceAction): void {
  if (allows(action, instance.state)) return;
  const states = statesOfAction[action].join(', ');
  const { id } = instance;
  throw fail(
    'wrong_state',
    `${modelId(instance)} is ${instance.state}. The action "${action}" needs one of: ${states}.`,
    {
      nextStep:
        action === 'delete'
          ? say`Stop it first: ${run('stop_instance', { instance: id })}.`
          : say`Wait until it settles: ${run('get_instance', { instance: id })}.`,
      field: 'instance',
    },
  );
}

function changedMeanwhile(instance: Instance): Error {
  return fail('changed_meanwhile', `Somebody else changed ${modelId(instance)} at the same time.`, {
    nextStep: say`Look at it (${run('get_instance', { instance: instance.id })}) and try again.`,
    retryable: true,
  });
}

function notYours(instance: Instance): Error {
  const message = `${modelId(instance)} belongs to ${instance.ownerName}. Only its owner and admins may change it.`;
  return fail('not_owner', message, { nextStep: `Ask ${instance.ownerName} or an admin.` });
}
