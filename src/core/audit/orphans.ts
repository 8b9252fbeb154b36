import type { Log } from '../base/log.ts';
import type { AuditLog } from './audit.ts';

const everyMs = 60_000;

/** Closes what a crash left open, this server's own at once and another's when it is old enough. */
export async function closeOrphans(audit: AuditLog, log: Log): Promise<Disposable> {
  await audit.closeInterrupted(true);
  const timer = setInterval(() => {
    audit.closeInterrupted(false).catch((thrown: unknown) => {
      log.error({ err: thrown }, 'audit rows that a crash left open could not be closed; it is tried again');
    });
  }, everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
