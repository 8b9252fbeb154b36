import type { ObservedVolume, Reason } from '../regions/region.ts';

/** `partial`: a download was stopped because nothing needed it any more. Its bytes are still there, to go on from or to evict. */
export const volumeStates = [
  'absent',
  'partial',
  'queued',
  'downloading',
  'ready',
  'failed',
  'damaged',
  'evicting',
] as const;
export type VolumeState = (typeof volumeStates)[number];

export interface VolumeRecord {
  state: VolumeState;
  attempt: number;
  failures: number;
  retryAt: number | undefined;
}

export type VolumeStep =
  | { do: 'start'; attempt: number }
  | { do: 'stop' }
  | { do: 'delete' }
  | { do: 'record'; state: VolumeState; failures: number; retryAt?: number; reason?: Reason }
  | { do: 'nothing' };

/** After so many failures that might have healed, somebody has to look. */
const maximumFailures = 6;

/**
 * The next step for one volume. Pure. `wanted`: an instance that is not stopped needs it, or somebody asked for a
 * prefetch. A finished attempt is counted once: while the record still says that it downloads. `another`: a credential
 * that was not tried yet may be allowed what this one was not.
 */
export function planVolume(
  record: VolumeRecord,
  observed: ObservedVolume,
  wanted: boolean,
  now: number,
  another = false,
): VolumeStep {
  // Whoever wants the bytes meanwhile waits until they are gone, and gets fresh ones.
  if (record.state === 'evicting') return { do: 'delete' };
  switch (observed.state) {
    case 'ready':
      return record.state === 'ready' || record.state === 'damaged'
        ? { do: 'nothing' }
        : { do: 'record', state: 'ready', failures: 0 };
    case 'downloading':
      if (!wanted) return { do: 'stop' };
      return record.state === 'downloading'
        ? { do: 'nothing' }
        : { do: 'record', state: 'downloading', failures: record.failures };
    case 'failed':
      if (record.state === 'downloading' && observed.attempt === record.attempt)
        return afterFailure(record, observed, wanted, now, another);
      return planMissing(record, observed, wanted, now);
    case 'absent':
    case 'partial':
      return planMissing(record, observed, wanted, now);
  }
}

/** States that stay as they are while nothing needs the volume. */
const atRest = new Set<VolumeState>(['absent', 'partial', 'failed', 'damaged']);

function planMissing(record: VolumeRecord, observed: ObservedVolume, wanted: boolean, now: number): VolumeStep {
  if (!wanted && atRest.has(record.state)) return { do: 'nothing' };
  if (!wanted) return { do: 'record', state: observed.state === 'absent' ? 'absent' : 'partial', failures: 0 };
  if (record.state === 'failed') return { do: 'nothing' };
  if (record.retryAt !== undefined && now < record.retryAt) return { do: 'nothing' };
  return { do: 'start', attempt: record.attempt + 1 };
}

/** Ends that a kill or a stop of ours brought about. */
const disruptions = new Set(['interrupted', 'stopped', 'superseded']);

/** Ends that another credential may not meet. The Hub hides a private repo from an account that may not read it. */
export function isRefusal(code: string): boolean {
  return code === 'gated_repo' || code === 'token_refused' || code === 'repo_not_found';
}

function afterFailure(
  record: VolumeRecord,
  observed: ObservedVolume & { state: 'failed' },
  wanted: boolean,
  now: number,
  another: boolean,
): VolumeStep {
  const { code, message, retryable } = observed.failure;
  if (!wanted) return { do: 'record', state: 'partial', failures: 0 };
  // A disruption says nothing about the download itself.
  if (disruptions.has(code)) return { do: 'record', state: 'queued', failures: record.failures };
  if (another && isRefusal(code)) return { do: 'record', state: 'queued', failures: record.failures };
  const failures = record.failures + 1;
  const reason = { code, message };
  if (!retryable || failures >= maximumFailures) return { do: 'record', state: 'failed', failures, reason };
  return { do: 'record', state: 'queued', failures, retryAt: now + retryDelayMs(failures), reason };
}

/** 2, 4, 8, 16, 32 s. */
export function retryDelayMs(failures: number): number {
  return 1000 * 2 ** failures;
}
