import { run, runNext, say, task } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import type { ReasonCode } from '../base/reason-codes.ts';
import type { Reason } from '../base/reason.ts';
import type { Instance } from './instance.ts';
import type { Failure } from './next-step.ts';

/** Why the instance does not run, or not everywhere. A region that failed comes before one that has trouble. */
export function failureOf(instance: Instance, model: string): Failure | undefined {
  if (instance.desired !== 'running') return undefined;
  const failed = instance.regions.find(({ state }) => state === 'failed');
  const troubled = instance.regions.find(({ state, reason }) => state !== 'running' && reason !== undefined);
  const found = failed ?? troubled;
  if (!found) return undefined;
  const reason: Reason = found.reason ?? { code: 'instance_failed', message: 'It failed without a reason.' };
  return {
    ...reason,
    region: found.region,
    next_step: adviceOn(reason.code, { id: instance.id, model, region: found.region }),
  };
}

interface Place {
  id: number;
  model: string;
  region: string;
}

type Advice = (place: Place) => Prose;

const readLogs: Advice = ({ id, region }) =>
  say`Read what the engine wrote: ${runNext('get_instance_logs', { instance: id, region })}.`;
const smaller: Advice = ({ id, model }) =>
  say`It needs more memory than there is. ${runNext('plan_launch', { model })} shows what fits. Launch it with a smaller context length or a larger accelerator, then end this one with ${run('delete_instance', { instance: id })}.`;
const restart: Advice = ({ id }) => say`Try once more with ${run('restart_instance', { instance: id })}.`;
const lookAtRegion: Advice = ({ region }) =>
  say`The region "${region}" must be put right first. ${runNext('list_regions')} shows what is wrong with it. An admin can ${task('run_doctor')}.`;
const needsAccess: Advice = ({ model, id }) =>
  say`The repo of "${model}" needs a credential that may read it. A person must ${task('add_credential')}, and accept the terms of the repo. Then ${run('restart_instance', { instance: id })}.`;
const moreSpace: Advice = ({ region, id }) =>
  say`${runNext('list_cache', { region })} shows what fills the region "${region}". After space is free, ${run('restart_instance', { instance: id })}.`;
const registerAgain: Advice = ({ model }) =>
  say`The files are not those that were registered. ${runNext('get_model', { model })} shows which those are. Register the files of now under another name.`;
const tellAdmin: Advice = ({ region }) =>
  say`An admin must change the configuration of the region "${region}". Tell your user the message above.`;

const byCode: Partial<Record<ReasonCode, Advice>> = {
  crash_loop: readLogs,
  crashed: readLogs,
  engine_exited: readLogs,
  engine_start_timeout: readLogs,
  engine_unresponsive: readLogs,
  not_ready: readLogs,
  container_not_started: readLogs,
  instance_failed: readLogs,
  out_of_memory: smaller,
  unschedulable: smaller,
  no_accelerator_free: smaller,
  access_refused: needsAccess,
  credential_not_found: needsAccess,
  gated_awaiting_review: needsAccess,
  gated_not_requested: needsAccess,
  gated_rejected: needsAccess,
  gated_repo: needsAccess,
  no_space: moreSpace,
  files_changed: registerAgain,
  checksum_mismatch: registerAgain,
  folder_refused: registerAgain,
  region_gone: lookAtRegion,
  region_unreachable: lookAtRegion,
  region_forbidden: lookAtRegion,
  volume_not_bound: lookAtRegion,
  volume_not_mounted: lookAtRegion,
  image_pull_failed: tellAdmin,
  image_not_allowed: tellAdmin,
  interrupted: restart,
  killed: restart,
  pod_evicted: restart,
  stalled: restart,
  stopped: restart,
  hub_unreachable: restart,
};

function adviceOn(code: string, place: Place): Prose {
  const known = Object.entries(byCode).find(([name]) => name === code)?.[1];
  return (known ?? readLogs)(place);
}
