import { formatBytes } from '../../base/format.ts';
import { modelId } from '../../instances/instance.ts';
import type { Instance } from '../../instances/instance.ts';
import type { InstanceAction } from '../../instances/states.ts';
import type { RegisterInput } from '../../registry/registry.ts';
import type { VolumesInput } from '../../cache/cache.ts';
import { describeModel, modelFacts, modelRelied } from './preview-launch.ts';
import type { Preview } from '../../operation/preview.ts';
import type { Previewing } from '../preview-context.ts';

type InstanceInput = { instance: string };

export function previewStop(given: InstanceInput, previewing: Previewing): Promise<Preview> {
  return previewEnd(given, 'stop', 'Stop', previewing);
}

export function previewDeleteInstance(given: InstanceInput, previewing: Previewing): Promise<Preview> {
  return previewEnd(given, 'delete', 'Delete', previewing);
}

async function previewEnd(
  given: InstanceInput,
  action: InstanceAction,
  verb: string,
  { services, caller }: Previewing,
): Promise<Preview> {
  const instance = await services.launches.examineInstance(given.instance, action, caller);
  const { spec } = instance;
  return {
    input: { ...given, instance: String(instance.id) },
    summary: [
      `${verb} ${modelId(instance)} of ${instance.ownerName}`,
      `${spec.replicas} ${spec.replicas === 1 ? 'replica' : 'replicas'} in ${regionsOf(instance).join(', ')}`,
    ],
    relied: { 'the instance': modelId(instance), 'its entry': instance.entryId, 'its owner': instance.owner },
    facts: {
      adds: false,
      regions: regionsOf(instance),
      accelerators: spec.accelerator === undefined ? [] : [spec.accelerator],
    },
    private: instance.private,
  };
}

function regionsOf(instance: Instance): string[] {
  return instance.spec.regions.map(({ region }) => region);
}

type ModelInput = { model: string };

export async function previewDeleteModel(given: ModelInput, { services, caller }: Previewing): Promise<Preview> {
  const model = await services.registry.examineRemoval(given.model, caller);
  const users = (await services.registry.get(given.model, caller)).instances.map(
    ({ id, state }) => `${model.name}:${id} (${state})`,
  );
  return {
    input: { ...given },
    summary: [`Delete ${describeModel(model)} of ${model.ownerName}`, usedBy(users)],
    relied: { ...modelRelied(model), 'what uses it': users.join(', ') || 'nothing' },
    facts: { ...modelFacts(model), adds: false },
    private: model.private,
  };
}

function usedBy(users: readonly string[]): string {
  return users.length === 0 ? 'Nothing uses it' : `Used by ${users.join(', ')}`;
}

/** The commit takes the place of the revision: what a branch names tomorrow was not approved. */
export async function previewRegister(given: RegisterInput, { services, caller }: Previewing): Promise<Preview> {
  const checked = await services.registry.check(given, caller);
  const commit = checked.commit ?? 'none';
  return {
    input: {
      ...given,
      ...(checked.commit === undefined ? {} : { revision: checked.commit }),
      ...(checked.category === undefined ? {} : { category: checked.category }),
    },
    summary: [
      `Register ${given.name} from ${given.repo ?? `${given.filesystem}:${given.subfolder}`}`,
      `${formatBytes(checked.bytes)} in ${checked.file_count} ${checked.file_count === 1 ? 'file' : 'files'}${checked.commit === undefined ? '' : ` at ${commit.slice(0, 12)}`}`,
      `Licence: ${checked.licence ?? 'not stated'}${checked.gated ? ', gated' : ''}`,
      ...checked.warnings,
    ],
    relied: { 'the commit': commit, 'the size': String(checked.bytes), 'the licence': checked.licence ?? 'none' },
    facts: {
      ...modelFacts({
        bytes: checked.bytes,
        gated: checked.gated,
        ...(checked.licence ? { licence: checked.licence } : {}),
      }),
      ...(checked.region === undefined ? {} : { regions: [checked.region] }),
      adds: false,
    },
    private: given.private ?? false,
  };
}

type PrefetchInput = { model: string; regions?: string[] | undefined };

export async function previewPrefetch(given: PrefetchInput, { services, caller }: Previewing): Promise<Preview> {
  const { model, regions } = await services.cache.examinePrefetch(given, caller);
  return {
    input: { ...given, regions },
    summary: [
      `Fetch ${describeModel(model)} into ${regions.join(', ')}`,
      `At most ${formatBytes(model.bytes * regions.length)}`,
    ],
    relied: { ...modelRelied(model), 'the regions': regions.join(', ') },
    facts: { ...modelFacts(model), regions, adds: true },
    private: model.private,
  };
}

export async function previewEvict(given: VolumesInput, { services, caller }: Previewing): Promise<Preview> {
  const volumes = await services.cache.examineVolumes(given, caller);
  const users = volumes.flatMap(({ users: ids }) => ids).map(String);
  return {
    input: { ...given },
    summary: [
      ...volumes.map(
        ({ key, region, repo, bytes }) => `Delete the weights of ${repo} in ${region} (${key}, ${formatBytes(bytes)})`,
      ),
      ...volumes.flatMap(({ remains }) => remains),
      users.length === 0 ? 'No instance uses them' : `Instances that use them: ${users.join(', ')}`,
    ],
    relied: {
      'the volumes': volumes.map(({ key }) => key).join(', '),
      'what uses them': users.join(', ') || 'nothing',
    },
    facts: { regions: [...new Set(volumes.map(({ region }) => region))], adds: false },
    private: volumes.some((volume) => volume.private),
  };
}
