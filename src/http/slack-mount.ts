import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Core } from '../core/core.ts';
import { EcolinkError } from '../core/base/errors.ts';
import type { Slack } from '../slack/app.ts';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Slack beside the server: off without its tokens, and no reason not to serve while Slack itself is away. */
export interface SlackMount {
  /** For `POST /slack/events`, which Slack signs: it needs no token of ours. Undefined in Socket Mode. */
  listener(): RequestListener | undefined;
  close(): Promise<void>;
}

const retryMs = 15_000;
/** How long a start waits to hear what Slack says of the tokens. */
const patienceMs = 5_000;

/** Throws what only people can put right (a token that Slack refuses); goes on trying where Slack cannot be reached. */
export async function mountSlack(core: Core): Promise<SlackMount> {
  if (!core.config.secrets.slack) return { listener: () => undefined, close: async () => {} };
  const closing = new AbortController();
  let slack: Slack | undefined;
  const first = attempt(core);
  void keepTrying(core, first, closing.signal).then(async (connected) => {
    if (closing.signal.aborted) await connected?.close();
    else slack = connected;
  });
  await Promise.race([first, delay(patienceMs, undefined, { ref: false })]);
  return {
    listener: () => slack?.requestListener,
    async close() {
      closing.abort();
      await slack?.close();
    },
  };
}

/** Undefined where Slack could not be reached. */
async function attempt(core: Core): Promise<Slack | undefined> {
  // Bolt takes a moment to load, and many servers run without Slack.
  const { startSlack } = await import('../slack/app.ts');
  try {
    return await startSlack(core);
  } catch (thrown) {
    if (!(thrown instanceof EcolinkError) || !thrown.retryable) throw thrown;
    core.log.warn({ code: thrown.code, reason: thrown.message, next_try_ms: retryMs }, 'Slack is not connected');
    return undefined;
  }
}

async function keepTrying(
  core: Core,
  first: Promise<Slack | undefined>,
  closing: AbortSignal,
): Promise<Slack | undefined> {
  try {
    for (let next = first; ; next = attempt(core)) {
      const slack = await next;
      if (slack) return slack;
      await delay(retryMs, undefined, { signal: closing });
    }
  } catch (thrown) {
    if (!closing.aborted) core.log.error({ err: thrown }, 'Slack stays off until the next start');
    return undefined;
  }
}
