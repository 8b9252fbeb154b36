import type { PolicyAnswer } from '../policy/decide.ts';
import type { Verdict } from '../policy/verdict.ts';
import { lockPerson } from '../access/people/table.ts';
import { digestOf } from '../base/ids.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { dependsOnUsage, verdictOn } from './policy-input.ts';
import type { PolicyQuestion } from './policy-input.ts';

/** Another call of the same person added to what a limit counts, after the policy answered and before the commit. */
export class AnswerChanged extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super('The answer of the policy changed before the commit.');
    this.verdict = verdict;
  }
}

/**
 * Asks the policy again, inside the transaction that adds to what limits count. Transactions of one person run one after
 * the other from here on, so parallel calls cannot pass a limit together. Returns the verdict that counts now.
 * Throws `AnswerChanged`.
 */
export async function answerAgain(
  deps: Pick<ApprovalDeps, 'fleet'>,
  question: PolicyQuestion,
  before: Verdict,
  { db }: UnitOfWork,
): Promise<Verdict> {
  if (!dependsOnUsage(question)) return before;
  await lockPerson(db, question.person);
  const now = await verdictOn(deps, db, question, before.earlier);
  if (substanceOf(now.answer) !== substanceOf(before.answer)) throw new AnswerChanged(now);
  return now;
}

/** Two answers are the same if they ask for the same, whichever rule gives them. */
function substanceOf(answer: PolicyAnswer): string {
  return digestOf(
    answer.answer === 'require' ? { answer: answer.answer, needs: answer.needs } : { answer: answer.answer },
  );
}
