import { modelId } from '../../instances/instance.ts';
import type { PreparedRestart, RestartInput } from '../../instances/restart-instance.ts';
import type { Preview } from '../../operation/preview.ts';
import { changeRelied, describeModel, gpusOf, planFacts, planLines } from './plan-lines.ts';

export function previewRestart(prepared: PreparedRestart, given: RestartInput): Preview {
  const { instance, before, model, plan } = prepared;
  const wakes = instance.desired !== 'running';
  const { stopAfter } = instance.spec;
  return {
    input: { ...given, instance: String(instance.id), plan_digest: plan.digest },
    summary: [
      `Restart ${modelId(instance)}${wakes ? ', which is stopped' : ' with fresh replicas'}`,
      ...(before && before.id !== model.id ? [`Until now it served ${describeModel(before)}`] : []),
      `It goes on with ${describeModel(model)}`,
      ...planLines(plan, model),
      ...(wakes && stopAfter !== undefined ? [`Stops by itself after ${stopAfter}`] : []),
    ],
    relied: { ...changeRelied(prepared), 'what it serves now': instance.registryModelId },
    costPerHour: plan.cost_per_hour,
    facts: {
      ...planFacts(plan, model),
      gpus: wakes ? gpusOf(plan) : 0,
      costPerHour: wakes ? plan.cost_per_hour : 0,
      stopAfter: (wakes ? stopAfter : instance.stopAt) !== undefined,
      adds: wakes || model.id !== instance.registryModelId || plan.bytes_to_fetch > 0 || plan.changes.length > 0,
      // It ends the replicas that answer now.
      destroys: !wakes,
    },
    private: instance.private || model.private,
  };
}
