import type { Call } from '../client/client.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { run, say } from '../core/base/prose.ts';
import type { OutputOf } from '../core/operations/catalogue.ts';
import { followed } from './interruption.ts';
import type { Terminal } from './output/terminal.ts';

type Approval = OutputOf<'get_approval'>;

/** Follows an approval request until it was run, and returns it. Throws why it will not run, and `Interrupted`. */
export function waitForDecision(id: number, call: Call, terminal: Terminal): Promise<Approval> {
  const stays = say`Request ${String(id)} stays. See it again: ${run('get_approval', { approval: id })}.`;
  return followed(stays, (signal) => follow(id, call, terminal, signal));
}

async function follow(id: number, call: Call, terminal: Terminal, signal: AbortSignal): Promise<Approval> {
  let last = '';
  for (;;) {
    const approval = await call(
      'get_approval',
      { approval: id, wait_seconds: last === '' ? undefined : 20 },
      { signal },
    );
    const text = stateText(approval);
    if (text !== last) terminal.err(text);
    last = text;
    if (approval.state === 'done') return approval;
    const failure = failureOf(approval);
    if (failure) throw failure;
  }
}

function stateText({ id, state, approvers, missing, decided_by: by }: Approval): string {
  if (state === 'pending') return `request ${id}  waits for ${missing} of ${approvers.map(plainText).join(', ')}`;
  return `request ${id}  ${plainText(state)}${by === undefined ? '' : ` by ${plainText(by)}`}`;
}

/** Undefined while it may still run. */
function failureOf({ id, state, reason, decided_by: by, next_step: nextStep }: Approval): EcolinkError | undefined {
  const why = reason === undefined ? '' : `: ${reason.message}`;
  const who = by === undefined ? '' : ` by ${by}`;
  switch (state) {
    case 'denied':
    case 'expired':
    case 'cancelled':
    case 'stale':
      return fail(`request_${state}`, `Request ${id} is ${state}${who}${why}`, { nextStep });
    case 'failed':
      return new EcolinkError('unexpected', reason?.code ?? 'request_failed', `Request ${id} failed${why}`, {
        nextStep: say`See it with ${run('get_approval', { approval: id })}.`,
      });
    default:
      return undefined;
  }
}
