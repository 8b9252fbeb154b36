import type { Caller, Scope } from '../base/caller.ts';
import { fail } from '../base/errors.ts';

/** Throws `may_not_decide`. */
export function needDecider(caller: Caller): void {
  if (caller.mayDecide && !caller.agent) return;
  throw fail(
    'may_not_decide',
    "Decisions are made by people: in Slack, at the server's own terminal, or with a token made with --may-decide.",
    { nextStep: 'Ask a person who may decide. An agent never can, whosever it is.' },
  );
}

/** Throws `scope_missing`. `what` is said in the refusal. */
export function needScope(caller: Caller, scope: Scope, what = 'that'): void {
  if (caller.scopes.includes(scope) || (scope === 'read' && caller.scopes.includes('operate'))) return;
  throw fail('scope_missing', `This token may not be used for ${what}: its scopes are ${caller.scopes.join(', ')}.`, {
    nextStep: `Use a token with the scope "${scope}": ecolink token create <name> --scope ${scope}`,
  });
}
