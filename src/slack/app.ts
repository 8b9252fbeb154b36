import type { IncomingMessage, ServerResponse } from 'node:http';
import { App, HTTPReceiver, SocketModeReceiver } from '@slack/bolt';
import type { BlockAction, ButtonAction, Receiver, ViewClosedAction, ViewSubmitAction } from '@slack/bolt';
import { WebAPIPlatformError, WebClient } from '@slack/web-api';
import type { WebClientOptions } from '@slack/web-api';
import type { Core } from '../core/core.ts';
import { refused, unavailable } from '../core/errors.ts';
import type { EcolinkError } from '../core/errors.ts';
import { onDecide, onReason } from './approval-actions.ts';
import { reasonFormId } from './approval-blocks.ts';
import { createApprovalMessages } from './approval-messages.ts';
import { onCommand } from './command.ts';
import { commandName } from './command-text.ts';
import type { Desk } from './desk.ts';
import { switchId } from './field-block.ts';
import { formPrefix } from './form-view.ts';
import { createLiveMessages, defaultPace } from './live-messages.ts';
import type { Pace } from './live-messages.ts';
import { boltLogger } from './logger.ts';
import type { Workspace } from './people.ts';
import { keepConnected } from './socket.ts';
import { onClose, onSubmit } from './submit-form.ts';
import { onSwitch } from './switch-form.ts';

export interface SlackOptions {
  /** Where Slack's Web API is, in place of the config's or Slack's own. */
  slackApiUrl?: string;
  /** How often launch messages are edited. */
  pace?: Pace;
  /** Milliseconds before a submission is answered with *checking…*; at most 2,500. */
  patience?: number;
}

export interface Slack {
  workspace: Workspace;
  /**
   * Without an app token Slack calls us: the listener for `POST /slack/events`. It reads and verifies the raw body
   * itself, so nothing may have read it before. Absent in Socket Mode.
   */
  requestListener?: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Where Slack posts to in HTTP mode, on the main server. */
export const slackEventsPath = '/slack/events';

/**
 * Connects `/ecolink` to the workspace of `config.secrets.slack`: over a socket where there is an app token, else over
 * HTTP. Throws EcolinkError: `slack_not_configured`, `slack_token_refused`, `slack_unreachable`.
 */
export async function startSlack(core: Core, options: SlackOptions = {}): Promise<Slack> {
  const { secrets } = core.config;
  if (!secrets.slack) throw notConfigured('SLACK_BOT_TOKEN is not set.');
  const logger = boltLogger(core.log);
  const apiUrl = options.slackApiUrl ?? secrets.slack.apiUrl;
  const common: WebClientOptions = { logger, ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }) };
  // Slack's own default goes on for half an hour: by then nobody waits for the answer.
  const clientOptions = { ...common, retryConfig: { retries: 3, minTimeout: 300, maxTimeout: 5000 }, timeout: 15_000 };
  const client = new WebClient(secrets.slack.botToken, clientOptions);
  const me = await client.auth.test().catch((thrown: unknown) => Promise.reject(startError(thrown)));
  const home = { team: me.team_id ?? '', ...(me.enterprise_id ? { enterprise: me.enterprise_id } : {}) };
  if (!core.access.admitsWorkspace(home)) throw notListed(home);
  const hasty = new WebClient(secrets.slack.botToken, {
    ...common,
    retryConfig: { retries: 0 },
    timeout: 2500,
    rejectRateLimitedCalls: true,
  });
  const live = createLiveMessages(core, client, options.pace ?? defaultPace);
  const approvals = createApprovalMessages({ core, client, live });
  const desk: Desk = {
    core,
    home,
    client,
    hasty,
    live,
    approvals,
    awaited: new Map(),
    patience: options.patience ?? 1500,
  };

  const transport = makeTransport(secrets.slack, clientOptions);
  const app = new App({
    token: secrets.slack.botToken,
    receiver: transport.receiver,
    logger,
    clientOptions,
    tokenVerificationEnabled: false,
    convoStore: false,
    ...(me.bot_id ? { botId: me.bot_id } : {}),
    ...(me.user_id ? { botUserId: me.user_id } : {}),
  });
  listen(app, desk);
  try {
    const disconnect = await transport.connect(core);
    return {
      workspace: home,
      ...(transport.requestListener ? { requestListener: transport.requestListener } : {}),
      async close() {
        live.close();
        await approvals.close();
        await disconnect();
      },
    };
  } catch (thrown) {
    live.close();
    await approvals.close();
    throw startError(thrown);
  }
}

function listen(app: App, desk: Desk): void {
  const forms = new RegExp(`^${formPrefix.replace('.', String.raw`\.`)}`);
  app.command(commandName, (args) => onCommand(desk, args));
  app.view<ViewSubmitAction>({ callback_id: forms, type: 'view_submission' }, (args) => onSubmit(desk, args));
  app.view<ViewClosedAction>({ callback_id: forms, type: 'view_closed' }, (args) => onClose(desk, args));
  app.action<BlockAction>({ type: 'block_actions', action_id: switchId }, (args) => onSwitch(desk, args));
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: /^approval[.](?:approve|deny)$/ }, (args) =>
    onDecide(desk, args),
  );
  app.view<ViewSubmitAction>({ callback_id: reasonFormId, type: 'view_submission' }, (args) => onReason(desk, args));
  app.error(async (error) => desk.core.log.error({ err: error }, 'a Slack handler failed'));
}

interface Transport {
  receiver: Receiver;
  requestListener?: Slack['requestListener'];
  connect(core: Core): Promise<() => Promise<void>>;
}

type Secrets = NonNullable<Core['config']['secrets']['slack']>;

function makeTransport({ appToken, signingSecret }: Secrets, clientOptions: WebClientOptions): Transport {
  const { logger } = clientOptions;
  if (appToken !== undefined) {
    const receiver = new SocketModeReceiver({
      appToken,
      autoReconnectEnabled: false,
      installerOptions: { clientOptions },
      ...(logger ? { logger } : {}),
    });
    return { receiver, connect: (core) => keepConnected(receiver.client, core.log) };
  }
  if (signingSecret === undefined) {
    throw notConfigured(
      'SLACK_BOT_TOKEN is set, but neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP).',
    );
  }
  const receiver = new HTTPReceiver({ signingSecret, endpoints: [slackEventsPath], ...(logger ? { logger } : {}) });
  return {
    receiver,
    connect: async () => async () => {},
    requestListener(request, response) {
      try {
        receiver.requestListener(request, response);
      } catch {
        // Bolt throws for any other path or method.
        response.writeHead(404).end();
      }
    },
  };
}

function notConfigured(message: string): EcolinkError {
  return refused('slack_not_configured', message, {
    nextStep: 'docs/slack.md says which tokens Slack needs and where to find them.',
  });
}

function notListed({ team, enterprise }: Workspace): EcolinkError {
  const place = enterprise === undefined ? `The workspace ${team}` : `The organisation ${enterprise}`;
  return refused('slack_workspace_not_listed', `${place} is not among those that ecolink.yaml lists.`, {
    nextStep: 'Add it under "slack": "workspaces" or "organisations", or use a token of one that is there.',
  });
}

function startError(thrown: unknown): EcolinkError {
  if (thrown instanceof WebAPIPlatformError) {
    return refused('slack_token_refused', `Slack refuses the token: ${thrown.data.error}.`, {
      nextStep: "Compare SLACK_BOT_TOKEN and SLACK_APP_TOKEN with the app's pages at api.slack.com/apps.",
      cause: thrown,
    });
  }
  return unavailable('slack_unreachable', 'Slack does not answer.', {
    nextStep: 'Check that this machine reaches slack.com, then start again.',
    cause: thrown,
  });
}
