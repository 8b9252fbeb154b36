import { EcolinkError } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { program } from './names.ts';
import type { Terminal } from './output/terminal.ts';
import type { Call } from './choose-server.ts';

/** The part of `get_approval`'s output that waiting looks at. */
interface Decision {
  id: number;
  state: string;
  approvers: string[];
  missing: number;
  decided_by?: string;
  reason?: { code: string; message: string };
  next_step: string;
}

/** Follows a request until it was run, and answers with `get_approval`'s last output. Throws what ended it otherwise. */
export async function waitForDecision(id: number, call: Call, terminal: Terminal): Promise<Record<string, unknown>> {
  let last = '';
  for (;;) {
    const output = await call('get_approval', { approval: String(id), ...(last === '' ? {} : { wait_seconds: 20 }) });
    const decision = output as unknown as Decision;
    const text = textOf(decision);
    if (text !== last) terminal.err(text);
    last = text;
    if (decision.state === 'done') return output;
    const end = endOf(decision);
    if (end) throw end;
  }
}

function textOf({ id, state, approvers, missing, decided_by: by }: Decision): string {
  if (state === 'pending') return `request ${id}  waits for ${missing} of ${approvers.map(plainText).join(', ')}`;
  return `request ${id}  ${state}${by === undefined ? '' : ` by ${plainText(by)}`}`;
}

/** Undefined while it may still be run. */
function endOf({ id, state, reason, decided_by: by, next_step: nextStep }: Decision): EcolinkError | undefined {
  const why = reason === undefined ? '' : `: ${plainText(reason.message)}`;
  const who = by === undefined ? '' : ` by ${plainText(by)}`;
  switch (state) {
    case 'denied':
    case 'expired':
    case 'cancelled':
    case 'stale':
      return new EcolinkError('denied', `request_${state}`, `Request ${id} is ${state}${who}${why}`, { nextStep });
    case 'failed':
      return new EcolinkError('unexpected', reason?.code ?? 'request_failed', `Request ${id} failed${why}`, {
        nextStep: `See it with: ${program} get-approval ${id}`,
      });
    default:
      return undefined;
  }
}
