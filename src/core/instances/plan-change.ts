import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { fieldRef, say } from '../base/prose.ts';
import type { LaunchInput } from '../plan/launch-input.ts';
import type { KeptReplica } from '../plan/plan-launch.ts';
import { isPickle } from '../registry/model.ts';
import { findModel } from '../registry/table.ts';
import type { OwnedModel } from '../registry/table.ts';
import { imageOf } from '../runtimes/runtime.ts';
import type { InstanceDeps } from './dependencies.ts';
import type { KeptReplicas } from './gather-facts.ts';
import { modelId } from './instance.ts';
import type { Instance } from './instance.ts';

/** The given model, or else the instance's own. Its own works even after its deletion, because its files are known. */
export async function modelOf(
  deps: InstanceDeps,
  instance: Instance,
  other: string | undefined,
  caller: Caller,
): Promise<OwnedModel> {
  if (other !== undefined) return deps.registry.find(other, caller);
  const own = await findModel(deps.store.db, { id: instance.registryModelId });
  if (own) return own;
  throw fail('model_not_found', `The model of ${modelId(instance)} no longer exists.`, {
    nextStep: say`Give another model in ${fieldRef('model')}.`,
    field: 'model',
  });
}

export function launchInputOf(
  deps: InstanceDeps,
  instance: Instance,
  model: OwnedModel,
  replicas: number,
): LaunchInput {
  const { spec } = instance;
  return {
    model: instance.name,
    regions: spec.regions.map(({ region }) => region),
    replicas,
    runtime: runtimeToKeep(deps, instance, model),
    accelerator: spec.accelerator,
    accelerator_count: spec.acceleratorCount,
    context_length: spec.contextLength,
    max_sequences: spec.maxSequences,
    memory_share: spec.memoryShare,
    quantization: spec.quantization,
    arguments: spec.extraArguments,
    // The launch has already allowed the instance's own model.
    allow_pickle: spec.allowPickle === true || (isPickle(model) && model.id === instance.registryModelId),
  };
}

/**
 * The images of its replicas. A scale keeps them. If it adds no replica, it keeps the arguments too: they may be forbidden
 * now, and an instance must be able to shrink.
 */
export function replicasToKeep({ spec }: Instance, replicas: number): KeptReplicas {
  const adds = replicas > spec.replicas;
  return new Map(
    spec.regions.map((each) => [
      each.region,
      { runtime: each.runtime, image: each.image, arguments: adds ? undefined : each.arguments },
    ]),
  );
}

/**
 * The images that the instance first ran, by digest. A restart keeps them even if the tag has moved, unless the runtime
 * now uses another image.
 */
export function firstImages({ fleet }: InstanceDeps, { regions, spec }: Instance): KeptReplicas {
  const found = new Map<string, KeptReplica>();
  for (const { region, image } of regions) {
    const name = spec.regions.find((each) => each.region === region)?.runtime;
    const known = image !== undefined && fleet.regions().some((each) => each.name === region);
    const runtime = known ? fleet.runtimes(region).find((each) => each.name === name) : undefined;
    const named = runtime === undefined ? undefined : imageOf(runtime, spec.accelerator !== undefined);
    if (runtime && named !== undefined && image?.startsWith(`${named}@`))
      found.set(region, { runtime: runtime.name, image });
  }
  return found;
}

/** The current runtime, if it serves this model in all regions. Otherwise undefined, and EcoLink chooses one. */
function runtimeToKeep({ fleet }: InstanceDeps, instance: Instance, model: OwnedModel): string | undefined {
  const { regions } = instance.spec;
  const name = regions[0]?.runtime;
  const serves = (region: string): boolean =>
    fleet.runtimesFor(region, model.category, model.format, model.task).some((runtime) => runtime.name === name);
  return regions.every(({ region, runtime }) => runtime === name && serves(region)) ? name : undefined;
}
