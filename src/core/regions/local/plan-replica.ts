import type { Presence } from './recorded-process.ts';

/** What is known of one replica at one moment. */
export interface ReplicaView {
  /** Hash of what it should be started from; undefined: it should not be there. */
  wanted: string | undefined;
  /** Hash of what the recorded process was started from. */
  startedFrom: string | undefined;
  presence: Presence;
  healthy: boolean;
  /** It has been healthy since it was started. */
  wasReady: boolean;
  startedAt: number;
  /** Since when it has not answered, after it once did. */
  unhealthySince: number | undefined;
  /** Not to be started before. */
  notBefore: number;
  /** Every other replica of the instance that is wanted is ready: this one may be replaced. */
  othersReady: boolean;
}

export type ReplicaAction =
  | { do: 'start' }
  /** End the whole group; `failed`: it counts towards the back-off. */
  | { do: 'end'; failed: false | 'exited' | 'start_timeout' | 'unresponsive' }
  | { do: 'forget' }
  | { do: 'watch' };

export const startTimeoutMs = 15 * 60_000;
export const unresponsiveMs = 60_000;

/** What to do about one replica. Pure: the same view gives the same answer. */
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
  // A record without its process: it ended by itself.
  if (view.startedFrom !== undefined) return { do: 'end', failed: view.wanted === undefined ? false : 'exited' };
  if (view.wanted === undefined) return { do: 'forget' };
  return now >= view.notBefore ? { do: 'start' } : { do: 'watch' };
}

/** Wait before the next start after this many failures in a row: 1 s, doubling to 5 minutes, as kubelets do it. */
export function backOffMs(failures: number): number {
  return failures <= 0 ? 0 : Math.min(1000 * 2 ** (failures - 1), 300_000);
}
