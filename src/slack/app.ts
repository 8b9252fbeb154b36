import { App } from '@slack/bolt';
import type { AppOptions, BlockAction, ButtonAction, ViewClosedAction, ViewSubmitAction } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import type { WebClientOptions } from '@slack/web-api';
import type { SlackSecrets } from '../core/config/config.ts';
import type { Core } from '../core/core.ts';
import { onReason, onRequestButton } from './commands/approval-actions.ts';
import { onCardButton } from './commands/card-actions.ts';
import { reasonFormId } from './blocks/approval-blocks.ts';
import { createApprovalMessages } from './messages/approval-messages.ts';
import { installedBots, oneBot } from './connect/bots.ts';
import type { Bots } from './connect/bots.ts';
import { givePrefix, onAskAccess, onGiveAccess } from './commands/ask-access.ts';
import type { Asked } from './commands/ask-access.ts';
import { createHome } from './home/home.ts';
import { askAccessId } from './workspace/people.ts';
import { onOpen, onRun } from './commands/button-actions.ts';
import { onCommand } from './commands/command.ts';
import { onTyped } from './commands/typed-actions.ts';
import { openPrefix, runPrefix, typedFormId } from './blocks/action-blocks.ts';
import { directMessages } from './commands/direct-message.ts';
import { commandName } from './blocks/speaker.ts';
import type { SlackDeps } from './workspace/dependencies.ts';
import { createEndingMessages, extendId, onExtend } from './messages/ending-messages.ts';
import { onRegisterClick } from './forms/check-form.ts';
import { switchId } from './forms/field-block.ts';
import { onLaunch, onLaunchClick, onPlan } from './launch/launch-flow.ts';
import { launchFormId, modelActionId } from './launch/launch-view.ts';
import { onModelOptions } from './launch/model-options.ts';
import type { LastLists } from './launch/model-options.ts';
import { planFormId } from './launch/plan-view.ts';
import { createInstaller } from './connect/installer.ts';
import type { Installer } from './connect/installer.ts';
import { createCards } from './messages/cards.ts';
import { defaultPace } from './outbox/budget.ts';
import type { Pace } from './outbox/budget.ts';
import { startSender } from './outbox/sender.ts';
import type { Sender } from './outbox/sender.ts';
import { boltLogger } from './connect/logger.ts';
import { missingScopes } from './connect/scopes.ts';
import { createSlackLookup } from './workspace/lookup.ts';
import { notConfigured, nothingListed, startError } from './connect/start-errors.ts';
import { onClose, onSubmit } from './forms/submit-form.ts';
import { onSwitch } from './forms/switch-form.ts';
import { makeTransport } from './connect/transport.ts';
import type { RequestListener } from './connect/transport.ts';
import { onTokensRevoked, onUninstalled } from './connect/uninstall.ts';

export interface SlackOptions {
  /** URL of Slack's Web API. Default: that of the config, else Slack's own. */
  slackApiUrl?: string;
  /** How often messages are sent and changed. What is left out is as usual. */
  pace?: Partial<Pace>;
  /** Milliseconds before the form of a submission says *checking…*; at most 2,500. */
  patience?: number;
}

export interface Slack {
  /**
   * Answers requests below `/slack/`: events if there is no app token, and the pages that install the app. It reads and
   * verifies the raw body itself, so nothing may read it before. Absent if it has nothing to answer.
   */
  requestListener?: RequestListener;
  close(): Promise<void>;
}

/**
 * Connects `/ecolink` to the workspace of one token, or to those that install the app: over a socket if there is an app
 * token, else over HTTP. Throws EcolinkError: `slack_not_configured`, `slack_nothing_listed`,
 * `slack_workspace_not_listed`, `slack_token_refused`, `slack_unreachable`.
 */
export async function startSlack(core: Core, options: SlackOptions = {}): Promise<Slack> {
  const { slack } = core.config.secrets;
  if (!slack) throw notConfigured('Neither SLACK_BOT_TOKEN nor SLACK_CLIENT_ID is set.');
  const clientOptions = clientOptionsOf(core, options.slackApiUrl ?? slack.apiUrl);
  const { bots, authorization, installer } = await identify(core, slack, clientOptions);
  const transport = makeTransport(slack, clientOptions);
  const { logger } = clientOptions;
  const app = new App({
    ...authorization,
    receiver: transport.receiver,
    ...(logger ? { logger } : {}),
    clientOptions,
    tokenVerificationEnabled: false,
    convoStore: false,
  });
  core.access.lookUpGroupsWith(createSlackLookup(bots, core.log));
  const pace = { ...defaultPace, ...options.pace };
  const sending: { sender?: Sender } = {};
  const wake = (): void => sending.sender?.wake();
  const cards = createCards({ core, bots, pace, wake });
  const approvals = createApprovalMessages({ core, bots, cards, wake });
  const endings = createEndingMessages({ core, wake });
  const sender = startSender({ core, bots, pace, events: approvals });
  sending.sender = sender;
  const patience = options.patience ?? 800;
  const home = createHome(() => deps, core);
  const deps: SlackDeps = { core, bots, live: cards, approvals, home, awaited: new Map(), patience };
  listen(app, deps);
  const end = async (): Promise<void> => {
    home.close();
    await approvals.close();
    await endings.close();
    await cards.close();
    await sender.close();
  };
  const disconnect = await transport.connect(core.log).catch(async (thrown: unknown) => {
    await end();
    throw startError(thrown);
  });
  const requestListener = listenerOf(installer, transport.requestListener);
  return {
    ...(requestListener ? { requestListener } : {}),
    async close() {
      await end();
      await disconnect();
    },
  };
}

function clientOptionsOf(core: Core, apiUrl: string | undefined): WebClientOptions {
  return {
    logger: boltLogger(core.log),
    ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }),
    // The default of the client retries for half an hour. Nobody waits that long for an answer.
    retryConfig: { retries: 3, minTimeout: 300, maxTimeout: 5000 },
    timeout: 15_000,
  };
}

interface Identity {
  bots: Bots;
  authorization: Pick<AppOptions, 'token' | 'botId' | 'botUserId' | 'authorize'>;
  installer?: Installer;
}

async function identify(core: Core, slack: SlackSecrets, options: WebClientOptions): Promise<Identity> {
  const { oauth, botToken } = slack;
  if (oauth) {
    const { workspaces, organisations } = core.config.slack;
    if (workspaces.length === 0 && organisations.length === 0) throw nothingListed();
    const installer = createInstaller(core, oauth, options);
    return {
      bots: installedBots(core, installer, options),
      authorization: { authorize: installer.authorize },
      installer,
    };
  }
  if (botToken === undefined) throw notConfigured('SLACK_BOT_TOKEN is not set.');
  const me = await new WebClient(botToken, options).auth
    .test()
    .catch((thrown: unknown) => Promise.reject(startError(thrown)));
  const home = { team: me.team_id ?? '', ...(me.enterprise_id ? { enterprise: me.enterprise_id } : {}) };
  core.installations.checkListed(home);
  for (const { scope, off } of missingScopes(me.response_metadata?.scopes))
    core.log.warn({ scope, off }, 'Slack: the app lacks a scope. Take the new manifest and install the app again');
  return {
    bots: oneBot(home, botToken, options),
    authorization: {
      token: botToken,
      ...(me.bot_id ? { botId: me.bot_id } : {}),
      ...(me.user_id ? { botUserId: me.user_id } : {}),
    },
  };
}

function listen(app: App, deps: SlackDeps): void {
  // Each form of its own, and the generic one for all others.
  const forms = /^form[.](?!launch_instance$)/;
  const lists: LastLists = new Map();
  const asked: Asked = new Map();
  app.command(commandName, (args) => onCommand(deps, args));
  app.view<ViewSubmitAction>({ callback_id: forms, type: 'view_submission' }, (args) => onSubmit(deps, args));
  app.view<ViewClosedAction>({ callback_id: forms, type: 'view_closed' }, (args) => onClose(deps, args));
  app.action<BlockAction>({ type: 'block_actions', action_id: switchId }, (args) => onSwitch(deps, args));
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: /^approval[.]/ }, (args) =>
    onRequestButton(deps, args),
  );
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: /^card[.]/ }, (args) =>
    onCardButton(deps, args),
  );
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: extendId }, (args) => onExtend(deps, args));
  app.view<ViewSubmitAction>({ callback_id: reasonFormId, type: 'view_submission' }, (args) => onReason(deps, args));
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: startsWith(runPrefix) }, (args) =>
    onRun(deps, args),
  );
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: startsWith(openPrefix) }, (args) =>
    onOpen(deps, args),
  );
  app.view<ViewSubmitAction>({ callback_id: launchFormId, type: 'view_submission' }, (args) => onPlan(deps, args));
  app.view<ViewSubmitAction>({ callback_id: planFormId, type: 'view_submission' }, (args) => onLaunch(deps, args));
  app.action<BlockAction>({ type: 'block_actions', action_id: startsWith('launch.') }, (args) =>
    onLaunchClick(deps, args),
  );
  app.action<BlockAction>({ type: 'block_actions', action_id: startsWith('register.') }, (args) =>
    onRegisterClick(deps, args),
  );
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: startsWith('home.') }, (args) =>
    deps.home.clicked(args),
  );
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: askAccessId }, (args) =>
    onAskAccess(deps, asked, args),
  );
  app.action<BlockAction<ButtonAction>>({ type: 'block_actions', action_id: startsWith(givePrefix) }, (args) =>
    onGiveAccess(deps, asked, args),
  );
  app.event('app_home_opened', (args) => deps.home.opened(args));
  app.options<'block_suggestion'>({ type: 'block_suggestion', action_id: modelActionId }, (args) =>
    onModelOptions(deps, lists, args),
  );
  app.view<ViewSubmitAction>({ callback_id: typedFormId, type: 'view_submission' }, (args) => onTyped(deps, args));
  app.event('message', directMessages(deps));
  app.event('app_uninstalled', (args) => onUninstalled(deps.core, args));
  app.event('tokens_revoked', (args) => onTokensRevoked(deps.core, args));
  app.error(async (error) => {
    // The workspace is not listed, or it removed the app: the operator has nothing to repair.
    if (error.code === 'slack_bolt_authorization_error')
      deps.core.log.info({ reason: error.message }, 'Slack: not served');
    else deps.core.log.error({ err: error }, 'a Slack handler failed');
  });
}

function startsWith(prefix: string): RegExp {
  return new RegExp(`^${prefix.replaceAll('.', '[.]')}`);
}

/** Undefined if nothing comes in over HTTP. */
function listenerOf(
  installer: Installer | undefined,
  events: RequestListener | undefined,
): RequestListener | undefined {
  if (!installer && !events) return undefined;
  return (request, response) => {
    if (installer?.answer(request, response)) return;
    try {
      if (!events) throw new Error('Events come over the socket.');
      events(request, response);
    } catch {
      // Bolt throws for any other path or method.
      response.writeHead(404).end();
    }
  };
}
