import { modelId } from '../../instances/instance.ts';
import type { PreparedScale } from '../../instances/scale-instance.ts';
import type { Preview } from '../../operation/preview.ts';
import { changeRelied, gpusOf, planFacts, planLines } from './plan-lines.ts';

export function previewScale(prepared: PreparedScale, given: { instance: string; replicas: number }): Preview {
  const { instance, model, plan, replicas } = prepared;
  const from = instance.spec.replicas;
  const share = (replicas - from) / replicas;
  return {
    input: { ...given, instance: String(instance.id) },
    summary: [`Scale ${modelId(instance)} from ${from} to ${replicas} replicas`, ...planLines(plan, model)],
    relied: { ...changeRelied(prepared), 'the number of replicas': `${from}` },
    costPerHour: plan.cost_per_hour,
    facts: {
      ...planFacts(plan, model),
      gpus: Math.round(gpusOf(plan) * share),
      costPerHour: plan.cost_per_hour === null ? null : plan.cost_per_hour * share,
      stopAfter: instance.stopAt !== undefined,
      adds: replicas > from,
      destroys: replicas < from,
    },
    private: instance.private || model.private,
  };
}
