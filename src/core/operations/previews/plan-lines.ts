import { formatBytes } from '../../base/format.ts';
import { plainWords } from '../../base/prose.ts';
import { modelId } from '../../instances/instance.ts';
import type { Instance } from '../../instances/instance.ts';
import { filesRelied, riskLine } from '../../operation/preview.ts';
import { commandLine } from '../../plan/plan-launch.ts';
import type { LaunchPlan, RegionLaunch } from '../../plan/plan-launch.ts';
import type { PreviewFacts } from '../../policy/facts.ts';
import { isPickle } from '../../registry/model.ts';
import { selectionHash } from '../../registry/selection-hash.ts';
import type { OwnedModel } from '../../registry/table.ts';

// The names and values under "relied" are stored with approval requests and compared at every vote: a change of a word
// here makes requests of an older version stale.

interface PlannedChange {
  instance: Instance;
  model: OwnedModel;
  plan: LaunchPlan;
}

export function describeModel(model: OwnedModel): string {
  const commit = model.commit === undefined ? '' : ` at ${model.commit.slice(0, 12)}`;
  return `${model.name} (${model.origin}${commit})`;
}

export function modelRelied(model: OwnedModel): Record<string, string> {
  return {
    'the model': model.id,
    'the commit': model.commit ?? 'none',
    'the selection of files': selectionHash(model.files),
  };
}

export function changeRelied({ instance, model, plan }: PlannedChange): Record<string, string> {
  return {
    ...modelRelied(model),
    ...planRelied(plan),
    'the instance': modelId(instance),
    'what the instance should do': instance.desired,
  };
}

export function planRelied(plan: LaunchPlan): Record<string, string> {
  const regions = plan.regions.map((region) => [`the launch in ${region.region}`, regionLine(region)] as const);
  return {
    'the regions': plan.regions.map((region) => region.region).join(', '),
    ...Object.fromEntries(regions),
    ...(plan.changes.length === 0 ? {} : { 'what changed since registration': plan.changes.join('; ') }),
    ...(plan.fingerprint === undefined ? {} : { [filesRelied]: plan.fingerprint }),
  };
}

/** Replicas, accelerators, the runtime with its arguments, and the image. The image has its digest if EcoLink knows it. */
function regionLine(region: RegionLaunch): string {
  const image = region.image === undefined ? '' : ` from ${region.image}`;
  const accelerators =
    region.accelerator === undefined ? '' : ` on ${region.accelerator_count} × ${region.accelerator}`;
  const count = `${region.replicas} ${region.replicas === 1 ? 'replica' : 'replicas'}`;
  return `${count}${accelerators}, ${commandLine([region.runtime, ...region.arguments])}${image}`;
}

export function planLines(plan: LaunchPlan, model: OwnedModel): string[] {
  const fetched = plan.regions.filter((region) => region.volume.state !== 'mounted').length * model.bytes;
  // The other volumes may be gone when the request is approved.
  const isShared = plan.regions.some((region) => region.volume.bytes_shared !== undefined);
  return [
    ...argumentLines(plan),
    ...plan.regions.map((region) => `In ${region.region}: ${regionLine(region)}`),
    costLine(plan.cost_per_hour),
    ...(fetched > 0 ? [`At most ${formatBytes(fetched)} to fetch`] : []),
    ...(isShared && plan.download !== undefined ? [`Now ${plan.download}`] : []),
    ...leftOutLine(model),
    ...plan.warnings.map(plainWords),
    ...plan.changes.map((change) => `Changed since it was registered: ${change}`),
  ];
}

/** What the source has besides the chosen files. */
export function leftOutLine({ leftOut = [] }: Pick<OwnedModel, 'leftOut'>): string[] {
  if (leftOut.length === 0) return [];
  const groups = leftOut.map(({ reason, files, bytes }) => `${reason} (${files}, ${formatBytes(bytes)})`);
  return [`Not fetched: ${groups.join(', ')}`];
}

/** Every argument of the launch with its risk. The risky ones come first, in lines of their own. */
function argumentLines({ regions }: LaunchPlan): string[] {
  const all = new Map(
    regions.flatMap((region) => region.launch_arguments ?? []).map((each) => [each.argument, each.risk]),
  );
  const risky = [...all].flatMap(([argument, risk]) =>
    risk === undefined ? [] : [riskLine(`Argument ${argument}`, risk)],
  );
  const others = [...all].flatMap(([argument, risk]) => (risk === undefined ? [argument] : []));
  return [...risky, ...linesOf(others).map((line) => `Arguments without a known risk: ${line}`)];
}

/** Front ends shorten very long lines, and nothing here may be cut. */
const longestLine = 800;

function linesOf(items: readonly string[]): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (last === undefined || last.length + item.length > longestLine) lines.push(item);
    else lines[lines.length - 1] = `${last}, ${item}`;
  }
  return lines;
}

export function costLine(costPerHour: number | null): string {
  return costPerHour === null ? 'Cost: the price is unknown' : `Cost: ${costPerHour} per hour`;
}

export function planFacts(plan: LaunchPlan, model: OwnedModel): Omit<PreviewFacts, 'adds'> {
  return {
    ...modelFacts(model),
    regions: plan.regions.map((region) => region.region),
    accelerators: plan.regions.flatMap((region) => region.accelerator ?? []),
    trustRemoteCode: plan.regions.some((region) => region.runs_code !== undefined),
    pickle: isPickle(model),
  };
}

export function modelFacts(model: { bytes: number; licence?: string; gated: boolean }) {
  return { modelBytes: model.bytes, licence: model.licence ?? 'unknown', gated: model.gated };
}

export function gpusOf(plan: LaunchPlan): number {
  return plan.regions.reduce((sum, region) => sum + (region.accelerator_count ?? 0) * region.replicas, 0);
}
