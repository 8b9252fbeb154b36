import type { Presence } from './recorded-process.ts';

/** One replica at one moment. Times are monotonic milliseconds. */
export interface ReplicaView {
  /** Hash of the spec that it should run. Undefined: it should not exist. */
  wanted: string | undefined;
  /** Hash of the spec that the recorded process was started from. */
  startedFrom: string | undefined;
  presence: Presence;
  healthy: boolean;
  /** It has been healthy since its start. */
  wasReady: boolean;
  startedAt: number;
  /** Start of its current silence, if it was healthy before. */
  unhealthySince: number | undefined;
  /** The earliest next start, after a failure. */
  notBefore: number | undefined;
  /** It failed so often that waiting does not help. */
  gaveUp: boolean;
  /** All other wanted replicas of the instance are ready, so this one may be replaced. */
  othersReady: boolean;
}

export type ReplicaAction =
  | { do: 'start' }
  /** Ends the whole process group. Anything but false counts towards the back-off. */
  | { do: 'end'; failed: false | 'exited' | 'start_timeout' | 'unresponsive' }
  | { do: 'forget' }
  | { do: 'watch' };

export const startTimeoutMs = 15 * 60_000;
export const unresponsiveMs = 60_000;

/** Decides the next step for one replica. Pure. `now`: monotonic milliseconds. */
export function planReplica(view: ReplicaView, now: number): ReplicaAction {
  if (view.presence === 'leaderless') return { do: 'end', failed: view.wanted === undefined ? false : 'exited' };
  if (view.presence === 'none') return planAbsent(view, now);
  if (view.wanted === undefined) return { do: 'end', failed: false };
  if (view.wanted !== view.startedFrom)
    return view.othersReady || !view.healthy ? { do: 'end', failed: false } : { do: 'watch' };
  if (view.healthy) return { do: 'watch' };
  if (!view.wasReady && now - view.startedAt > startTimeoutMs) return { do: 'end', failed: 'start_timeout' };
  if (view.unhealthySince !== undefined && now - view.unhealthySince > unresponsiveMs)
    return { do: 'end', failed: 'unresponsive' };
  return { do: 'watch' };
}

function planAbsent(view: ReplicaView, now: number): ReplicaAction {
  // A record without its process: the process ended by itself.
  if (view.startedFrom !== undefined) return { do: 'end', failed: view.wanted === undefined ? false : 'exited' };
  if (view.wanted === undefined) return { do: 'forget' };
  if (view.gaveUp) return { do: 'watch' };
  return view.notBefore === undefined || now >= view.notBefore ? { do: 'start' } : { do: 'watch' };
}

/** Starts of an engine that was never ready, about five minutes of pauses. Then it is not started again by itself. */
export const mostFailedStarts = 9;

/** Pause before the next start after consecutive failures: 1 s, doubled up to 5 minutes, as kubelets do it. */
export function backOffMs(failures: number): number {
  return failures <= 0 ? 0 : Math.min(1000 * 2 ** (failures - 1), 300_000);
}
