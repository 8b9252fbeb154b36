import type { ErrorCode } from './error-codes.ts';

/**
 * Codes of reasons: why an instance, a volume, a region or an approval request is in its state. A reason may also have
 * the code of an error. An error that reports a reason has the code of that reason.
 */
export const reasonCodes = {
  awaiting_approval: 'The call waits for approvers. Only the audit log has this code.',
  bad_manifest: 'The list of files to download is not valid.',
  broken_glass: 'A person ran the approval request without its approvers.',
  changed: 'The operation would do something else than what was asked for.',
  checksum_mismatch: 'A file does not have the size or the hash that the Hub lists.',
  container_not_started: 'The container cannot be started.',
  crash_loop: 'The engine ended several times in a row.',
  crashed: 'The engine ended with an error.',
  engine_exited: 'The engine process ended by itself.',
  engine_start_timeout: 'The engine did not become healthy within 15 minutes and was ended.',
  engine_unresponsive: 'The engine stopped answering for a minute and was ended.',
  files_changed: 'Files of the model are not those that were accepted for the instance.',
  folder_refused: 'The folder of the model is missing, or cannot be shown to the engine alone.',
  hub_protocol: 'The Hub sent an answer that the download cannot use.',
  image_moved: 'The tag of the image was moved, so replicas run different images.',
  image_pull_failed: 'The image cannot be pulled.',
  instance_failed: 'The instance failed without a reason.',
  interrupted: 'The download was ended from outside before it was complete.',
  killed: 'The download was killed.',
  no_space: 'A disk or a volume has too little free space.',
  not_ready: 'The engine runs, but does not pass its readiness check.',
  not_shared: 'The volume could not be copied for several nodes.',
  not_writable: 'The download cannot write to its target.',
  operation_gone: 'The operation of the approval request no longer exists.',
  out_of_memory: 'The process used more memory than its limit.',
  pod_evicted: 'The node ended the pod.',
  pod_not_started: 'The pod of the download has not started.',
  region_gone: 'The region is no longer configured.',
  requester_gone: 'The requester no longer has a role.',
  stalled: 'The Hub sent no data for too long.',
  stopped: 'The download was stopped in good order and can go on later.',
  superseded: 'Another attempt took over the download.',
  too_many_open_files: 'The server has as many open files as the system allows.',
  unschedulable: 'No node accepts the pod.',
  volume_incomplete: 'Files are missing on the volume.',
  volume_not_bound: 'The storage has not provided the volume yet.',
  volume_not_mounted: 'The node cannot mount the volume.',
  volume_sharing: 'The volume is being copied for several nodes.',
} as const satisfies Record<string, string>;

/** Code of a reason. It may be that of an error, too. */
export type ReasonCode = keyof typeof reasonCodes | ErrorCode;
