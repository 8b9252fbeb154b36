import type { PreparedEnd } from '../../instances/end-instance.ts';
import { modelId } from '../../instances/instance.ts';
import type { Preview } from '../../operation/preview.ts';

/** For stopping and deleting an instance. */
export function previewEnd({ end, instance }: PreparedEnd, given: { instance: string }): Preview {
  const { spec } = instance;
  const regions = spec.regions.map(({ region }) => region);
  return {
    input: { ...given, instance: String(instance.id) },
    summary: [
      `${end === 'stop' ? 'Stop' : 'Delete'} ${modelId(instance)} of ${instance.ownerName}`,
      `${spec.replicas} ${spec.replicas === 1 ? 'replica' : 'replicas'} in ${regions.join(', ')}`,
    ],
    relied: { 'the instance': modelId(instance), 'its entry': instance.registryModelId, 'its owner': instance.owner },
    facts: { adds: false, regions, accelerators: spec.accelerator === undefined ? [] : [spec.accelerator] },
    private: instance.private,
  };
}
