import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { App, Receiver } from '@slack/bolt';
import type { WebClientOptions } from '@slack/web-api';
import type { SlackSecrets } from '../../core/config/config.ts';
import type { Log } from '../../core/base/log.ts';
import { slackEventsPath } from '../manifest.ts';
import { notConfigured } from './start-errors.ts';
import { keepConnected } from './socket.ts';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** How events come in: over a socket that we open if there is an app token, else as HTTP requests from Slack. */
export interface Transport {
  receiver: Receiver;
  requestListener?: RequestListener;
  connect(log: Log): Promise<() => Promise<void>>;
}

export function makeTransport({ appToken, signingSecret }: SlackSecrets, clientOptions: WebClientOptions): Transport {
  const { logger } = clientOptions;
  if (appToken !== undefined) return socketTransport(appToken, clientOptions);
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

/** Each connection has a receiver of its own, because a receiver has one connection. All give their events to the app. */
function socketTransport(appToken: string, clientOptions: WebClientOptions): Transport {
  const { logger } = clientOptions;
  let served: App | undefined;
  const make = (): SocketModeReceiver['client'] => {
    const options = { appToken, autoReconnectEnabled: false, installerOptions: { clientOptions } };
    const receiver = new SocketModeReceiver(logger ? { ...options, logger } : options);
    if (served) receiver.init(served);
    return receiver.client;
  };
  const receiver: Receiver = {
    init(app) {
      served = app;
    },
    start: async () => {},
    stop: async () => {},
  };
  return { receiver, connect: (log) => keepConnected(make, log) };
}
