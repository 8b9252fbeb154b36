import type { Caller } from '../base/caller.ts';
import { run, runNext, say } from '../base/prose.ts';
import type { OperationArgument, Prose } from '../base/prose.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import type { InstanceDeps } from './dependencies.ts';
import { plan } from './gather-facts.ts';
import { runningOf } from './running.ts';

/** The plan of a launch, with what runs already and the call that launches exactly this. */
export async function showPlan(deps: InstanceDeps, input: LaunchInput, caller: Caller) {
  const { plan: made, model } = await plan(deps, input, caller);
  const running = await runningOf(deps, model.id, caller);
  const launch: Record<string, OperationArgument | undefined> = { ...input, plan_digest: made.digest };
  return { ...made, already_running: running, next_step: nextStep(running.at(0), launch) };
}

function nextStep(
  already: { instance: number; model_id: string } | undefined,
  launch: Record<string, OperationArgument | undefined>,
): Prose {
  if (!already) return say`Launch exactly this: ${runNext('launch_instance', launch)}.`;
  return say`${already.model_id} serves this model already. Use it: ${runNext('get_instance', { instance: already.instance })}. If a second copy is wanted: ${run('launch_instance', launch)}.`;
}
