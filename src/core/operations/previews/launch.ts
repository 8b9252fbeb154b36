import type { PreparedLaunch } from '../../instances/launch.ts';
import type { Preview } from '../../operation/preview.ts';
import { describeModel, gpusOf, modelRelied, planFacts, planLines, planRelied } from './plan-lines.ts';

export function previewLaunch({ input: given, model, plan }: PreparedLaunch): Preview {
  const runtimes = new Set(plan.regions.map((region) => region.runtime));
  const [first] = plan.regions;
  const input = {
    ...given,
    regions: plan.regions.map((region) => region.region),
    replicas: first?.replicas ?? 1,
    private: model.private || (given.private ?? false),
    // One field for all regions. If they have different runtimes, what is relied on keeps each.
    ...(runtimes.size === 1 && first ? { runtime: first.runtime } : {}),
    ...(first?.accelerator_count === undefined ? {} : { accelerator_count: first.accelerator_count }),
    plan_digest: plan.digest,
  };
  return {
    input,
    summary: [
      `Launch ${describeModel(model)}`,
      ...planLines(plan, model),
      ...(given.stop_after === undefined ? [] : [`Stops by itself after ${given.stop_after}`]),
      ...(given.reason === undefined ? [] : [`Reason: ${given.reason}`]),
    ],
    relied: { ...modelRelied(model), ...planRelied(plan) },
    costPerHour: plan.cost_per_hour,
    facts: {
      ...planFacts(plan, model),
      gpus: gpusOf(plan),
      costPerHour: plan.cost_per_hour,
      stopAfter: given.stop_after !== undefined,
      adds: true,
    },
    private: model.private || input.private,
  };
}
