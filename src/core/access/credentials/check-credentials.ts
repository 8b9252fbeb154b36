import type { Log } from '../../base/log.ts';
import type { CredentialManager } from './credential-manager.ts';

/** Somebody who plans a launch should know by then; and the Hub's limits are by the minute. */
const everyMs = 3_600_000;

/** Asks the Hub at the start, and then again and again, whether the stored tokens still work. Ending it does not wait. */
export function checkRegularly(desk: Pick<CredentialManager, 'check'>, log: Log): Disposable {
  let ended = false;
  const check = (): void =>
    void desk.check().catch((thrown: unknown) => {
      if (!ended) log.error({ err: thrown }, 'the stored credentials could not be checked');
    });
  check();
  const timer = setInterval(check, everyMs).unref();
  return {
    [Symbol.dispose]() {
      ended = true;
      clearInterval(timer);
    },
  };
}
