import type { Needs } from '../policy/decide.ts';
import { isAssured } from './assurance.ts';
import type { Vote } from './table.ts';

export interface Tally {
  counted: Vote[];
  /** Approvals of people who may not decide any more, or that were made in a way that does not count. */
  dropped: Vote[];
  /** Approvals still to come. */
  missing: number;
}

/** Counts one approval for each person who may still decide, if it was made in a way that the rule allows. */
export function tally(
  votes: readonly Vote[],
  eligible: ReadonlySet<string>,
  needs: Pick<Needs, 'quorum' | 'assurance'>,
): Tally {
  const counts = (vote: Vote): boolean => eligible.has(vote.person) && isAssured(needs, vote.assurance);
  const approvals = votes.filter(({ vote }) => vote === 'approve');
  const persons = new Set<string>();
  const counted: Vote[] = [];
  for (const vote of approvals) {
    if (!counts(vote) || persons.has(vote.person)) continue;
    persons.add(vote.person);
    counted.push(vote);
  }
  return {
    counted,
    dropped: approvals.filter((vote) => !counts(vote)),
    missing: Math.max(0, needs.quorum - counted.length),
  };
}
