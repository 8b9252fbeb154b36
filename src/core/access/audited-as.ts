import type { AuditLog } from '../audit/audit.ts';
import { asEcolinkError } from '../base/errors.ts';
import { randomId } from '../base/ids.ts';
import type { Caller } from '../base/caller.ts';

/** Two rows around work that is no operation, because no operation may carry a token's value. `input` holds names only. */
export async function auditedAs<T>(
  { audit, now }: { audit: AuditLog; now: () => Date },
  caller: Caller,
  operation: string,
  input: object,
  work: () => Promise<T>,
): Promise<T> {
  const request = randomId('req');
  const started = now().getTime();
  const opened = await audit.open(caller, operation, JSON.stringify(input), request);
  const close = (end: { outcome: 'done' | 'failed'; code?: string }): Promise<void> =>
    audit.close(opened, caller, operation, request, { ...end, durationMs: now().getTime() - started });
  try {
    const answer = await work();
    await close({ outcome: 'done' });
    return answer;
  } catch (thrown) {
    await close({ outcome: 'failed', code: asEcolinkError(thrown, request).code });
    throw thrown;
  }
}
