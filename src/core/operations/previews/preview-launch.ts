import { formatBytes } from '../../base/format.ts';
import { refuseOtherPlan } from '../../plan/accept-plan.ts';
import type { RestartInput } from '../../instances/change-instance.ts';
import type { ExaminedChange } from '../../instances/examine-change.ts';
import { modelId } from '../../instances/instance.ts';
import type { LaunchInstanceInput } from '../../instances/instances.ts';
import type { LaunchPlan, RegionLaunch } from '../../plan/plan-launch.ts';
import type { PreviewFacts } from '../../policy/facts.ts';
import { isPickle } from '../../registry/model.ts';
import { originOf, selectionHash } from '../../registry/origin.ts';
import { remoteCodeFlagsIn } from '../../runtimes/runtime.ts';
import type { OwnedModel } from '../../registry/table.ts';
import type { Preview } from '../../operation/preview.ts';
import type { Previewing } from '../preview-context.ts';

type Input = LaunchInstanceInput & { idempotency_key?: string | undefined };

export async function previewLaunch(given: Input, { services, caller, again }: Previewing): Promise<Preview> {
  const { model, plan } = await services.launches.examine(given, caller, again);
  const runtimes = new Set(plan.regions.map((region) => region.runtime));
  const [first] = plan.regions;
  const input = {
    ...given,
    regions: plan.regions.map((region) => region.region),
    replicas: first?.replicas ?? 1,
    private: given.private ?? model.private,
    // One field for all regions: where each has its own, the preview below holds them to it.
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

type ScaleInput = { instance: string; replicas: number };

export async function previewScale(given: ScaleInput, { services, caller }: Previewing): Promise<Preview> {
  const change = await services.launches.examineChange(given.instance, 'scale', caller, { replicas: given.replicas });
  const { instance, model, plan } = change;
  const from = instance.spec.replicas;
  const share = (given.replicas - from) / given.replicas;
  return {
    input: { ...given, instance: String(instance.id) },
    summary: [`Scale ${modelId(instance)} from ${from} to ${given.replicas} replicas`, ...planLines(plan, model)],
    relied: {
      ...changeRelied(change),
      'the number of replicas': `${from}`,
    },
    costPerHour: plan.cost_per_hour,
    facts: {
      ...planFacts(plan, model),
      gpus: Math.round(gpusOf(plan) * share),
      costPerHour: plan.cost_per_hour === null ? null : plan.cost_per_hour * share,
      stopAfter: instance.stopAt !== undefined,
      adds: given.replicas > from,
    },
    private: instance.private,
  };
}

export async function previewRestart(given: RestartInput, { services, caller, again }: Previewing): Promise<Preview> {
  const change = await services.launches.examineChange(given.instance, 'restart', caller, { model: given.model });
  const { instance, before, model, plan } = change;
  if (!again) refuseOtherPlan(plan, given.plan_digest, 'restart');
  const wakes = instance.desired !== 'running';
  const { spec } = instance;
  return {
    input: { ...given, instance: String(instance.id), plan_digest: plan.digest },
    summary: [
      `Restart ${modelId(instance)}${wakes ? ', which is stopped' : ' with fresh replicas'}`,
      ...(before && before.id !== model.id ? [`Until now it served ${describeModel(before)}`] : []),
      `It goes on with ${describeModel(model)}`,
      ...planLines(plan, model),
      ...(wakes && spec.stopAfter !== undefined ? [`Stops by itself after ${spec.stopAfter}`] : []),
    ],
    relied: { ...changeRelied(change), 'what it serves now': instance.entryId },
    costPerHour: plan.cost_per_hour,
    facts: {
      ...planFacts(plan, model),
      gpus: wakes ? gpusOf(plan) : 0,
      costPerHour: wakes ? plan.cost_per_hour : 0,
      stopAfter: (wakes ? instance.spec.stopAfter : instance.stopAt) !== undefined,
      adds: wakes || model.id !== instance.entryId || plan.bytes_to_fetch > 0 || plan.changes.length > 0,
    },
    private: instance.private,
  };
}

export function describeModel(model: OwnedModel): string {
  const commit = model.commit === undefined ? '' : ` at ${model.commit.slice(0, 12)}`;
  return `${model.name} (${originOf(model)}${commit})`;
}

export function modelRelied(model: OwnedModel): Record<string, string> {
  return {
    'the model': model.id,
    'the commit': model.commit ?? 'none',
    'the selection of files': selectionHash(model.files).slice(0, 16),
  };
}

function changeRelied({ instance, model, plan }: ExaminedChange): Record<string, string> {
  return {
    ...modelRelied(model),
    ...planRelied(plan),
    'the instance': modelId(instance),
    'what the instance should do': instance.desired,
  };
}

function planRelied(plan: LaunchPlan): Record<string, string> {
  const regions = plan.regions.map((region) => [`the launch in ${region.region}`, regionLine(region)]);
  return {
    'the regions': plan.regions.map((region) => region.region).join(', '),
    ...(Object.fromEntries(regions) as Record<string, string>),
    ...(plan.changes.length === 0 ? {} : { 'what changed since registration': plan.changes.join('; ') }),
  };
}

/** Replicas, accelerators, runtime with its arguments, and the image with its digest where it is known. */
function regionLine(region: RegionLaunch): string {
  const image = region.image === undefined ? '' : ` from ${region.image}`;
  const accelerators =
    region.accelerator === undefined ? '' : ` on ${region.accelerator_count} × ${region.accelerator}`;
  const count = `${region.replicas} ${region.replicas === 1 ? 'replica' : 'replicas'}`;
  return `${count}${accelerators}, ${[region.runtime, ...region.arguments].join(' ')}${image}`;
}

function planLines(plan: LaunchPlan, model: OwnedModel): string[] {
  const fetched = plan.regions.filter((region) => region.volume.state !== 'mounted').length * model.bytes;
  return [
    ...plan.regions.map((region) => `In ${region.region}: ${regionLine(region)}`),
    costLine(plan.cost_per_hour),
    ...(fetched > 0 ? [`At most ${formatBytes(fetched)} to fetch`] : []),
    ...plan.warnings,
    ...plan.changes.map((change) => `Changed since it was registered: ${change}`),
  ];
}

export function costLine(costPerHour: number | null): string {
  return costPerHour === null ? 'Cost: the price is unknown' : `Cost: ${costPerHour} per hour`;
}

function planFacts(plan: LaunchPlan, model: OwnedModel): Omit<PreviewFacts, 'adds'> {
  return {
    ...modelFacts(model),
    regions: plan.regions.map((region) => region.region),
    accelerators: plan.regions.flatMap((region) => region.accelerator ?? []),
    trustRemoteCode: plan.regions.some((region) => remoteCodeFlagsIn(region.arguments).length > 0),
    pickle: isPickle(model),
  };
}

export function modelFacts(model: { bytes: number; licence?: string; gated: boolean }) {
  return { modelBytes: model.bytes, licence: model.licence ?? 'unknown', gated: model.gated };
}

function gpusOf(plan: LaunchPlan): number {
  return plan.regions.reduce((sum, region) => sum + (region.accelerator_count ?? 0) * region.replicas, 0);
}
