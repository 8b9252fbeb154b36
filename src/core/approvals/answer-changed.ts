import type { PolicyAnswer } from '../policy/decide.ts';
import { lockPerson } from '../access/people/table.ts';
import { digestOf } from '../base/ids.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { answerTo, dependsOnUsage } from './policy-input.ts';
import type { PolicyQuestion } from './policy-input.ts';

/** Another call of the same person added to what a limit counts, after the policy answered and before the commit. */
export class AnswerChanged extends Error {
  readonly answer: PolicyAnswer;

  constructor(answer: PolicyAnswer) {
    super('The answer of the policy changed before the commit.');
    this.answer = answer;
  }
}

/**
 * Asks the policy again, inside the transaction that adds to what limits count. Transactions of one person run one after
 * the other from here on, so parallel calls cannot pass a limit together. Throws `AnswerChanged`.
 */
export async function answerAgain(
  deps: Pick<ApprovalDeps, 'fleet'>,
  question: PolicyQuestion,
  before: PolicyAnswer,
  { db }: UnitOfWork,
  adjust: (answer: PolicyAnswer) => PolicyAnswer = (answer) => answer,
): Promise<void> {
  if (!dependsOnUsage(question)) return;
  await lockPerson(db, question.person);
  const now = adjust(await answerTo(deps, db, question));
  if (substanceOf(now) !== substanceOf(before)) throw new AnswerChanged(now);
}

/** Two answers are the same if they ask for the same, whichever rule gives them. */
function substanceOf(answer: PolicyAnswer): string {
  return digestOf(
    answer.answer === 'require' ? { answer: answer.answer, needs: answer.needs } : { answer: answer.answer },
  );
}
