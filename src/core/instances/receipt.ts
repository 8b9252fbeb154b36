import { run, runNext, say } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import { modelId } from './instance.ts';

/** The answer to a mutation of an instance. */
export function receiptOf(name: string, id: number, state: string) {
  return { instance: id, model: name, model_id: modelId({ name, id }), state, next_step: nextStep(name, id, state) };
}

function nextStep(name: string, id: number, state: string): Prose {
  const restart = run('restart_instance', { instance: id });
  switch (state) {
    case 'pending':
      return say`Follow it with ${runNext('get_instance', { instance: id, wait_seconds: 25 })}. When it runs, call it with model "${modelId({ name, id })}".`;
    case 'stopping':
      return say`Its replicas are ending: ${runNext('get_instance', { instance: id, wait_seconds: 25 })} says when they have ended. ${restart} brings it back under the same model id.`;
    case 'stopped':
      return say`${restart} brings it back. ${run('delete_instance', { instance: id })} removes it.`;
    case 'deleted':
      return 'Nothing is left to do. Its number is never used again.';
    default:
      return say`Follow it with ${runNext('get_instance', { instance: id, wait_seconds: 25 })}.`;
  }
}

/** Where a launch goes, what it costs, and whether there is a failover. `choice`: there is another region. */
export function whereItRuns(regions: readonly string[], costPerHour: number | null, choice: boolean): string {
  const failover = regions.length === 1 && choice ? ', without a failover' : '';
  const cost =
    costPerHour === null ? ' The price is unknown.' : costPerHour > 0 ? ` It costs ${costPerHour} per hour.` : '';
  return `It goes to ${regions.join(' and ')}${failover}.${cost}`;
}
