import { modelId } from './instance.ts';

/** What a mutation of an instance answers with. */
export function receiptOf(name: string, id: number, state: string) {
  const nextSteps: Record<string, string> = {
    pending: `Follow it with get_instance ${id} (wait_seconds 30); once it runs, call it with model "${modelId({ name, id })}".`,
    stopping: `Its replicas are ending; restart_instance ${id} brings it back under the same model id.`,
    stopped: `restart_instance ${id} brings it back, delete_instance ${id} removes it.`,
    deleted: 'Nothing is left to do; its number is never used again.',
  };
  const next = nextSteps[state] ?? `Follow it with get_instance ${id}.`;
  return { instance: id, model: name, model_id: modelId({ name, id }), state, next_step: next };
}
