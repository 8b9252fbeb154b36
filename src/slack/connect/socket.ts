import type { SocketModeReceiver } from '@slack/bolt';
import type { Log } from '../../core/base/log.ts';

const firstWaitMs = 500;
const longestWaitMs = 30_000;

/**
 * Connects and reconnects. The client's own reconnecting is off: if Slack refuses a new connection, it leaves a rejection
 * unhandled, which would end the process.
 */
export async function keepConnected(client: SocketModeReceiver['client'], log: Log): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  let closing = false;
  let connecting = true;
  let failures = 0;

  async function connect(): Promise<void> {
    connecting = true;
    try {
      await client.start();
      failures = 0;
    } finally {
      connecting = false;
    }
  }

  function again(): void {
    if (closing || connecting) return;
    const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** failures);
    failures += 1;
    clearTimeout(timer);
    timer = setTimeout(() => {
      connect().catch((thrown: unknown) => {
        log.warn({ err: thrown, failures }, 'Slack is not reachable; trying again');
        again();
      });
    }, wait);
    timer.unref();
  }

  await connect();
  client.on('disconnected', again);
  return async () => {
    closing = true;
    clearTimeout(timer);
    await client.disconnect();
  };
}
