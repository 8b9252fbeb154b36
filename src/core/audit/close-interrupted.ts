import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AuditLog } from './audit.ts';

const intervalMs = 60_000;

/** Closes the rows that a crash left open: those of this server at once, those of another when they are old enough. */
export async function closeInterruptedRows(audit: AuditLog, clock: Clock, log: Log): Promise<Disposable> {
  await audit.closeInterrupted(true);
  return clock.every(intervalMs, () => {
    audit.closeInterrupted(false).catch((thrown: unknown) => {
      log.error(
        { err: thrown },
        'could not close the audit rows that a crash left open; the next attempt is in a minute',
      );
    });
  });
}
