import type { AuditLog } from '../audit/audit.ts';
import type { Caller } from '../base/caller.ts';
import type { Clock } from '../base/clock.ts';
import { asEcolinkError } from '../base/errors.ts';
import type { NewId } from '../base/ids.ts';

export interface AuditedDeps {
  audit: AuditLog;
  clock: Clock;
  newId: NewId;
}

/**
 * Runs work between two rows of the audit, as `execute` does for operations. This is for work that is no operation
 * because the value of a token goes through it. `input` must not hold that value.
 */
export async function auditedAs<T>(
  { audit, clock, newId }: AuditedDeps,
  caller: Caller,
  operation: string,
  input: object,
  work: () => Promise<T>,
): Promise<T> {
  const request = newId('req');
  const startedMs = clock.elapsedMs();
  const opened = await audit.open(caller, operation, JSON.stringify(input), request);
  const close = (end: { outcome: 'done' | 'failed'; code?: string }): Promise<void> =>
    audit.close(opened, caller, operation, request, { ...end, durationMs: Math.round(clock.elapsedMs() - startedMs) });
  try {
    const answer = await work();
    await close({ outcome: 'done' });
    return answer;
  } catch (thrown) {
    await close({ outcome: 'failed', code: asEcolinkError(thrown, request).code });
    throw thrown;
  }
}
