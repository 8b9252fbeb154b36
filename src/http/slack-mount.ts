import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { EcolinkError } from '../core/base/errors.ts';
import type { Core } from '../core/core.ts';
import type { Slack } from '../slack/app.ts';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Slack beside the server. It is off without its tokens. The server runs even if Slack cannot be reached. */
export interface SlackMount {
  /** For `POST /slack/events`. Slack signs these requests, so they need no EcoLink token. Undefined in Socket Mode. */
  listener(): RequestListener | undefined;
  close(): Promise<void>;
}

const retryMs = 15_000;
/** How long a start waits for Slack's answer about the tokens. */
const answerTimeoutMs = 5_000;

/** Throws errors that only people can fix, such as a token that Slack refuses. If Slack cannot be reached, it tries again. */
export async function mountSlack(core: Core): Promise<SlackMount> {
  if (!core.config.secrets.slack) return { listener: () => undefined, close: async () => {} };
  const closing = new AbortController();
  let slack: Slack | undefined;
  const first = attempt(core);
  void keepTrying(core, first, closing.signal).then(async (connected) => {
    if (closing.signal.aborted) await connected?.close();
    else slack = connected;
  });
  await Promise.race([first, delay(answerTimeoutMs, undefined, { ref: false })]);
  return {
    listener: () => slack?.requestListener,
    async close() {
      closing.abort();
      await slack?.close();
    },
  };
}

/** Undefined if Slack cannot be reached. */
async function attempt(core: Core): Promise<Slack | undefined> {
  // Bolt is slow to load, and many servers run without Slack.
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
