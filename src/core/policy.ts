import type { Caller } from './access/caller.ts';
import type { Operation } from './operation.ts';

/** What stands between a request and its run. */
export type PolicyAnswer = { answer: 'allow' };

/** The place in `execute` where a request may be held back for people to decide; with no rules every request passes. */
export function decide(_operation: Operation, _input: unknown, _caller: Caller): PolicyAnswer {
  return { answer: 'allow' };
}
