import { mayNeedAnotherToken } from '../hub/read-refusal.ts';
import type { VolumeState } from '../volumes/states.ts';
import type { ObservedVolume } from '../region/region.ts';
import type { Reason } from '../base/reason.ts';

export interface VolumeRecord {
  state: VolumeState;
  attempt: number;
  failures: number;
  /** Bytes on disk when a failure was last counted. */
  reached: number;
  /** Milliseconds since the epoch. */
  retryAt: number | undefined;
  /** As last observed. */
  progress?: { done: number };
  /** Requested without an instance. */
  prefetch?: boolean;
}

export type VolumeStep =
  | { do: 'start'; attempt: number }
  | { do: 'stop' }
  | { do: 'delete' }
  | { do: 'record'; state: VolumeState; failures: number; reached?: number; retryAt?: number; reason?: Reason }
  | { do: 'nothing' };

/** Retryable failures in a row without progress, after which the download fails for good. */
const maximumFailures = 6;

/**
 * The next step for one volume. Pure. `wanted`: an instance that is not stopped needs it, or it is prefetched.
 * `otherCredential`: there is a credential that was not tried. An ended attempt is counted only while the record still
 * says `downloading`, so it is counted once.
 */
export function planVolume(
  record: VolumeRecord,
  observed: ObservedVolume,
  wanted: boolean,
  now: number,
  otherCredential = false,
): VolumeStep {
  // An instance that needs it meanwhile waits for the deletion, and then for a new download.
  if (record.state === 'evicting') return { do: 'delete' };
  switch (observed.state) {
    case 'deleting':
      // Deleted by hand. It is completed like an eviction.
      return { do: 'delete' };
    case 'ready':
      // A prefetch of a volume that is ready is done. If it stayed set, the volume could never be evicted.
      return record.state === 'damaged' || (record.state === 'ready' && record.prefetch !== true)
        ? { do: 'nothing' }
        : { do: 'record', state: 'ready', failures: 0 };
    case 'downloading':
      if (!wanted) return { do: 'stop' };
      return record.state === 'downloading'
        ? { do: 'nothing' }
        : { do: 'record', state: 'downloading', failures: record.failures };
    case 'failed':
      if (record.state === 'downloading' && observed.attempt === record.attempt)
        return afterFailure(record, observed, wanted, now, otherCredential);
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

/** Ends that EcoLink caused. They are no failures. */
const causedByEcolink = new Set(['stopped', 'superseded']);

function afterFailure(
  record: VolumeRecord,
  observed: ObservedVolume & { state: 'failed' },
  wanted: boolean,
  now: number,
  otherCredential: boolean,
): VolumeStep {
  const { code, message, retryable } = observed.failure;
  if (!wanted) return { do: 'record', state: 'partial', failures: 0 };
  if (causedByEcolink.has(code)) return { do: 'record', state: 'queued', failures: record.failures };
  if (otherCredential && mayNeedAnotherToken(code)) return { do: 'record', state: 'queued', failures: record.failures };
  const done = record.progress?.done ?? 0;
  // A download that makes progress between its failures completes some day, so only failures without progress count.
  const failures = (done > record.reached ? 0 : record.failures) + 1;
  const counted = { do: 'record', failures, reached: Math.max(done, record.reached) } as const;
  const reason = { code, message: code === 'interrupted' ? withCount(message, failures) : message };
  if (!retryable || failures >= maximumFailures) return { ...counted, state: 'failed', reason };
  // After one kill it continues at once. Further kills may come from its own need for memory, so it waits.
  if (code === 'interrupted' && failures === 1) return { ...counted, state: 'queued' };
  return { ...counted, state: 'queued', retryAt: now + retryDelayMs(failures), reason };
}

function withCount(message: string, failures: number): string {
  return failures === 1 ? message : `${message} It failed ${failures} times in a row without any progress.`;
}

/** 2, 4, 8, 16, 32 s. */
export function retryDelayMs(failures: number): number {
  return 1000 * 2 ** failures;
}
