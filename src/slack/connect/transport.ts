import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { Receiver } from '@slack/bolt';
import type { WebClientOptions } from '@slack/web-api';
import type { SlackSecrets } from '../../core/config/config.ts';
import type { Log } from '../../core/base/log.ts';
import { notConfigured } from './start-errors.ts';
import { keepConnected } from './socket.ts';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** The path that Slack posts to in HTTP mode, on the main server. */
export const slackEventsPath = '/slack/events';

/** How events come in: over a socket that we open if there is an app token, else as HTTP requests from Slack. */
export interface Transport {
  receiver: Receiver;
  requestListener?: RequestListener;
  connect(log: Log): Promise<() => Promise<void>>;
}

export function makeTransport({ appToken, signingSecret }: SlackSecrets, clientOptions: WebClientOptions): Transport {
  const { logger } = clientOptions;
  if (appToken !== undefined) {
    const receiver = new SocketModeReceiver({
      appToken,
      autoReconnectEnabled: false,
      installerOptions: { clientOptions },
      ...(logger ? { logger } : {}),
    });
    return { receiver, connect: (log) => keepConnected(receiver.client, log) };
  }
  if (signingSecret === undefined) {
    throw notConfigured('Neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set.');
  }
  const receiver = new HTTPReceiver({ signingSecret, endpoints: [slackEventsPath], ...(logger ? { logger } : {}) });
  return {
    receiver,
    connect: async () => async () => {},
    requestListener: (request, response) => receiver.requestListener(request, response),
  };
}
