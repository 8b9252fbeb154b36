import { mayNeedAnotherToken } from '../hub/read-refusal.ts';
import type { VolumeState } from '../volumes/states.ts';
import type { ObservedVolume } from '../region/region.ts';
import type { Reason } from '../base/reason.ts';

export interface VolumeRecord {
  state: VolumeState;
  attempt: number;
  failures: number;
  /** Bytes that it had when a failure was last counted. */
  reached: number;
  retryAt: number | undefined;
  /** As it was last seen. */
  progress?: { done: number };
  /** Somebody asked for the bytes ahead of a launch. */
  prefetch?: boolean;
}

export type VolumeStep =
  | { do: 'start'; attempt: number }
  | { do: 'stop' }
  | { do: 'delete' }
  | { do: 'record'; state: VolumeState; failures: number; reached?: number; retryAt?: number; reason?: Reason }
  | { do: 'nothing' };

/** After so many failures in a row that might have healed, without getting further between them, somebody has to look. */
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
    case 'deleting':
      // By hand: it is an eviction all the same, and carried through to its end.
      return { do: 'delete' };
    case 'ready':
      // A prefetch of what is there already is done: the wish must not keep the volume from an eviction for ever.
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

/** Ends that EcoLink itself brought about: they say nothing about the download. */
const ownDoing = new Set(['stopped', 'superseded']);

function afterFailure(
  record: VolumeRecord,
  observed: ObservedVolume & { state: 'failed' },
  wanted: boolean,
  now: number,
  another: boolean,
): VolumeStep {
  const { code, message, retryable } = observed.failure;
  if (!wanted) return { do: 'record', state: 'partial', failures: 0 };
  if (ownDoing.has(code)) return { do: 'record', state: 'queued', failures: record.failures };
  if (another && mayNeedAnotherToken(code)) return { do: 'record', state: 'queued', failures: record.failures };
  const done = record.progress?.done ?? 0;
  // One that gets further between its failures comes to its end, however often it fails.
  const failures = (done > record.reached ? 0 : record.failures) + 1;
  const counted = { do: 'record', failures, reached: Math.max(done, record.reached) } as const;
  const reason = { code, message: code === 'interrupted' ? sayHowOften(message, failures) : message };
  if (!retryable || failures >= maximumFailures) return { ...counted, state: 'failed', reason };
  // A single kill is a disruption: it goes on at once. What kills it again may be its own need of memory.
  if (code === 'interrupted' && failures === 1) return { ...counted, state: 'queued' };
  return { ...counted, state: 'queued', retryAt: now + retryDelayMs(failures), reason };
}

function sayHowOften(message: string, failures: number): string {
  return failures === 1 ? message : `${message} It failed ${failures} times in a row without getting any further.`;
}

/** 2, 4, 8, 16, 32 s. */
export function retryDelayMs(failures: number): number {
  return 1000 * 2 ** failures;
}
