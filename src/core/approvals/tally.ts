import type { Vote } from './table.ts';

export interface Tally {
  counted: Vote[];
  /** Approvals of people who may not decide any more. */
  dropped: Vote[];
  /** Approvals still to come. */
  missing: number;
}

/** Counts one approval for each person who may still decide. */
export function tally(votes: readonly Vote[], eligible: ReadonlySet<string>, quorum: number): Tally {
  const approvals = votes.filter(({ vote }) => vote === 'approve');
  const persons = new Set<string>();
  const counted: Vote[] = [];
  for (const vote of approvals) {
    if (!eligible.has(vote.person) || persons.has(vote.person)) continue;
    persons.add(vote.person);
    counted.push(vote);
  }
  return {
    counted,
    dropped: approvals.filter((vote) => !eligible.has(vote.person)),
    missing: Math.max(0, quorum - counted.length),
  };
}
