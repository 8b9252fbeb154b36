import { modelId } from '../../instances/instance.ts';
import { stopTime } from '../../instances/stop-time.ts';
import { takenBy } from '../../approvals/usage.ts';
import { costLine, modelFacts } from './preview-launch.ts';
import type { Preview } from '../../operation/preview.ts';
import type { Previewing } from '../preview-context.ts';

type ExtendInput = { instance: string; stop_after: string; reason?: string | undefined };

/** It goes on as it is: nothing is planned anew, so a full region keeps nobody from going on. */
export async function previewExtend(given: ExtendInput, { services, caller }: Previewing): Promise<Preview> {
  const { instance, model } = await services.launches.examineEntry(given.instance, 'extend', caller);
  const { stopAt, spec } = instance;
  const until = stopTime(given.stop_after, new Date());
  const { gpus, costPerHour } = takenBy(spec, services.fleet);
  const regions = spec.regions.map(({ region }) => region);
  return {
    input: { ...given, instance: String(instance.id) },
    summary: [
      `Let ${modelId(instance)} of ${instance.ownerName} run for another ${given.stop_after}, counted from the approval`,
      stopAt === undefined ? 'Now it runs until somebody stops it' : `Now it stops at ${stopAt}`,
      `${spec.replicas} ${spec.replicas === 1 ? 'replica' : 'replicas'} in ${regions.join(', ')}${gpus === 0 ? '' : `, ${gpus} × ${spec.accelerator} in all`}`,
      costLine(costPerHour),
      ...(given.reason === undefined ? [] : [`Reason: ${given.reason}`]),
    ],
    relied: {
      'the instance': modelId(instance),
      'its entry': instance.entryId,
      'when it stops': stopAt ?? 'never',
      'the number of replicas': `${spec.replicas}`,
    },
    costPerHour,
    facts: {
      ...modelFacts(model),
      regions,
      accelerators: spec.accelerator === undefined ? [] : [spec.accelerator],
      // The requester holds them already.
      gpus: 0,
      costPerHour: 0,
      stopAfter: true,
      adds: stopAt !== undefined && until > stopAt,
    },
    private: instance.private,
  };
}
