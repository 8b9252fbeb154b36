import type { Caller, Scope } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { say, task } from '../base/prose.ts';
import type { Task } from '../base/prose.ts';

/** Throws `may_not_decide`. */
export function needDecider(caller: Caller): void {
  if (caller.mayDecide && !caller.agent) return;
  throw fail(
    'may_not_decide',
    "Decisions are made by people: with their own chat account, at the server's own terminal, or with a token that may decide.",
    { nextStep: say`Ask a person who may decide, or ${task('approve_at_terminal')}. An assistant can never decide.` },
  );
}

export const tokenTasks: Record<Scope, Task> = {
  call: 'create_call_token',
  read: 'create_read_token',
  operate: 'create_operate_token',
};

export function allows(scopes: readonly Scope[], scope: Scope): boolean {
  return scopes.includes(scope) || (scope === 'read' && scopes.includes('operate'));
}

/** Throws `scope_missing`. `purpose` is part of the message. */
export function needScope(caller: Caller, scope: Scope, purpose = 'that'): void {
  if (allows(caller.scopes, scope)) return;
  throw fail(
    'scope_missing',
    `This token may not be used for ${purpose}: its scopes are ${caller.scopes.join(', ')}.`,
    {
      nextStep: say`Use another token: ${task(tokenTasks[scope])}.`,
    },
  );
}
