import type { SocketModeReceiver } from '@slack/bolt';
import type { Log } from '../../core/base/log.ts';

const firstWaitMs = 500;
const longestWaitMs = 30_000;
/** How long an old connection stays for acknowledgements of what came over it. Slack gives them three seconds. */
const graceMs = 3000;

type Client = SocketModeReceiver['client'];

/**
 * Connects and reconnects. The client's own reconnecting is off: if Slack refuses a new connection, it leaves a rejection
 * unhandled, which would end the process. Slack announces that it ends a connection. Then the next one opens before the
 * last one goes, so that no command falls between them.
 */
export async function keepConnected(make: () => Client, log: Log): Promise<() => Promise<void>> {
  let current: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closing = false;
  let failures = 0;

  async function open(): Promise<Client> {
    const client = make();
    await client.start();
    failures = 0;
    client.on('disconnected', () => {
      if (client === current) again();
    });
    return client;
  }

  async function connect(): Promise<void> {
    const client = await open();
    current = client;
    openNextBefore(client);
    if (closing) await client.disconnect();
  }

  /** The client closes its socket when Slack announces the end. This puts the opening of the next one before it. */
  function openNextBefore(client: Client): void {
    const { websocket } = client;
    if (!websocket) return;
    const close = websocket.disconnect.bind(websocket);
    websocket.disconnect = () => {
      websocket.disconnect = close;
      // A socket that is closed already is of no more use.
      if (closing || client !== current || !websocket.isActive()) return close();
      connect().then(
        () => setTimeout(close, graceMs).unref(),
        (thrown: unknown) => {
          log.warn({ err: thrown }, 'Slack ends the connection, and the next one did not open');
          close();
        },
      );
    };
  }

  function again(): void {
    if (closing) return;
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
  return async () => {
    closing = true;
    clearTimeout(timer);
    await current?.disconnect();
  };
}
