import type { SlackEventMiddlewareArgs } from '@slack/bolt';
import type { Core } from '../../core/core.ts';
import type { Where } from '../workspace/dependencies.ts';

/** A workspace or organisation removed the app: its tokens are good for nothing, and go. */
export async function onUninstalled(
  core: Core,
  { body, context }: SlackEventMiddlewareArgs<'app_uninstalled'> & Where,
): Promise<void> {
  await forget(core, context, body.event_time);
}

/** Somebody revoked tokens; of people's own the app has none. */
export async function onTokensRevoked(
  core: Core,
  { body, event, context }: SlackEventMiddlewareArgs<'tokens_revoked'> & Where,
): Promise<void> {
  if (event.tokens.bot?.length) await forget(core, context, body.event_time);
}

/** Slack sends an event again that nobody took: by then the app may have been installed anew, and that stays. */
async function forget(core: Core, context: Where['context'], eventTime: number): Promise<void> {
  const id = context.isEnterpriseInstall ? context.enterpriseId : context.teamId;
  if (id === undefined) return;
  const endOfSecond = new Date((eventTime + 1) * 1000);
  const removed = await core.installations.remove(id, endOfSecond);
  if (removed) core.log.info({ workspace: id }, 'Slack: the app was removed, and its tokens with it');
}
