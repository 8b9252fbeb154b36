import type { PreparedExtension } from '../../instances/extend-instance.ts';
import { modelId } from '../../instances/instance.ts';
import type { Preview } from '../../operation/preview.ts';
import { costLine, modelFacts } from './plan-lines.ts';

type Given = { instance: string; stop_after: string; reason?: string | undefined };

export function previewExtension({ instance, model, until, usage }: PreparedExtension, given: Given): Preview {
  const { stopAt, spec } = instance;
  const { gpus, costPerHour } = usage;
  const regions = spec.regions.map(({ region }) => region);
  const replicas = `${spec.replicas} ${spec.replicas === 1 ? 'replica' : 'replicas'}`;
  return {
    input: { ...given, instance: String(instance.id) },
    summary: [
      `Let ${modelId(instance)} of ${instance.ownerName} run for another ${given.stop_after}, counted from the approval`,
      stopAt === undefined ? 'Now it runs until somebody stops it' : `Now it stops at ${stopAt}`,
      `${replicas} in ${regions.join(', ')}${gpus === 0 ? '' : `, ${gpus} × ${spec.accelerator} in all`}`,
      costLine(costPerHour),
      ...(given.reason === undefined ? [] : [`Reason: ${given.reason}`]),
    ],
    relied: {
      'the instance': modelId(instance),
      'its entry': instance.registryModelId,
      'when it stops': stopAt ?? 'never',
      'the number of replicas': `${spec.replicas}`,
    },
    costPerHour,
    facts: {
      ...modelFacts(model),
      regions,
      accelerators: spec.accelerator === undefined ? [] : [spec.accelerator],
      // The requester uses them already.
      gpus: 0,
      costPerHour: 0,
      stopAfter: true,
      adds: stopAt !== undefined && until > stopAt,
      destroys: stopAt === undefined || until < stopAt,
    },
    private: instance.private || model.private,
  };
}
