import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CredentialManager } from './credential-manager.ts';

/** People should know of a broken token before they launch a model. The Hub counts requests per minutes, so once an hour is no load. */
const intervalMs = 3_600_000;

/** Asks the Hub now and then every hour whether the stored tokens still work. Disposing it does not wait for a running check. */
export function checkRegularly(credentials: Pick<CredentialManager, 'check'>, clock: Clock, log: Log): Disposable {
  let ended = false;
  const check = (): void =>
    void credentials.check().catch((thrown: unknown) => {
      if (!ended) log.error({ err: thrown }, 'the stored credentials could not be checked');
    });
  check();
  const timer = clock.every(intervalMs, check);
  return {
    [Symbol.dispose]() {
      ended = true;
      timer[Symbol.dispose]();
    },
  };
}
