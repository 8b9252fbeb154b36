import type { Role } from '../base/caller.ts';

/** What is known of a request without looking at the world. */
export interface KnownFacts {
  operation: string;
  role: Role;
  agent: boolean;
  destroys: boolean;
  /** When it was asked for, however late it is decided. */
  askedAt: Date;
}

/** What a preview tells the policy. Absent: the operation has nothing to do with it, and no rule about it fits. */
export interface PreviewFacts {
  regions?: string[];
  accelerators?: string[];
  /** Accelerators that the operation brings; below zero where it gives some back. */
  gpus?: number;
  /** What the operation adds to the cost per hour; null where a price is unknown. */
  costPerHour?: number | null;
  modelBytes?: number;
  licence?: string;
  gated?: boolean;
  trustRemoteCode?: boolean;
  pickle?: boolean;
  /** Whether a launch stops by itself. */
  stopAfter?: boolean;
  /** True where replicas, bytes to fetch or arguments are added. */
  adds: boolean;
}

/** What the requester holds or waits for besides, so that many small requests weigh what one large one does. */
export interface Usage {
  gpus: number;
  costPerHour: number | null;
}

/**
 * What the policy weighs. `gpus` and `costPerHour` are the requester's after the operation; an unknown cost counts as
 * above every limit.
 */
export type PolicyFacts = KnownFacts & PreviewFacts;

export function weigh(known: KnownFacts, preview: PreviewFacts, held: Usage): PolicyFacts {
  const { gpus, costPerHour, ...rest } = preview;
  return {
    ...known,
    ...rest,
    ...(gpus === undefined ? {} : { gpus: held.gpus + gpus }),
    ...(costPerHour === undefined ? {} : { costPerHour: addCost(held.costPerHour, costPerHour) }),
  };
}

/** Unknown and something is unknown. */
export function addCost(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}
