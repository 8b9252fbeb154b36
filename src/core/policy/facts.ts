import type { Role } from '../base/caller.ts';
import { redact } from '../base/secret-shapes.ts';

/** A licence comes from outside. The audit keeps it with every verdict. */
const longestLicence = 200;

/** What is known about a call without a preview. */
export interface KnownFacts {
  operation: string;
  role: Role;
  agent: boolean;
  /** True if the operation takes something away. Undefined without a preview if it depends on the change. */
  destroys?: boolean | undefined;
  /** When the call was made. A later decision does not change it. */
  askedAt: Date;
}

/** What a preview tells the policy. A fact that does not apply to the operation is undefined: no rule about it fits. */
export interface PreviewFacts {
  regions?: string[];
  accelerators?: string[];
  /** Accelerators that the operation adds. Negative if it frees some. */
  gpus?: number;
  /** What the operation adds to the cost per hour. Null if a price is unknown. */
  costPerHour?: number | null;
  modelBytes?: number;
  licence?: string;
  gated?: boolean;
  trustRemoteCode?: boolean;
  pickle?: boolean;
  /** True if a launch stops by itself. */
  stopAfter?: boolean;
  /** True if the operation adds replicas, bytes to download or arguments. */
  adds: boolean;
  /** True if this change takes service or protection away. Absent: the operation itself says it (`effect`). */
  destroys?: boolean | undefined;
}

/** What a person uses now, and would use by their open requests. It counts, so that many small calls equal a large one. */
export interface Usage {
  gpus: number;
  costPerHour: number | null;
}

/** What rules are matched with. `gpus` and `costPerHour` are the requester's totals after the operation. */
export type PolicyFacts = KnownFacts & PreviewFacts & { destroys: boolean };

export function policyFacts(known: KnownFacts, preview: PreviewFacts, usage: Usage): PolicyFacts {
  const { gpus, costPerHour } = preview;
  return {
    ...known,
    ...preview,
    // An operation that always destroys says so, whatever its preview says.
    destroys: known.destroys ?? preview.destroys ?? false,
    licence: preview.licence && redact(preview.licence).slice(0, longestLicence),
    gpus: gpus === undefined ? undefined : usage.gpus + gpus,
    costPerHour: costPerHour === undefined ? undefined : addCost(usage.costPerHour, costPerHour),
  };
}

/** The sum of two costs. Null, for unknown, if one of them is unknown. */
export function addCost(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}
