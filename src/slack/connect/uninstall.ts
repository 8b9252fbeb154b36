import type { SlackEventMiddlewareArgs } from '@slack/bolt';
import type { Core } from '../../core/core.ts';
import type { EventContext } from '../workspace/dependencies.ts';

/** A workspace or organisation removed the app: its tokens are deleted. */
export async function onUninstalled(
  core: Core,
  { body, context }: SlackEventMiddlewareArgs<'app_uninstalled'> & EventContext,
): Promise<void> {
  await forget(core, context, body.event_time);
}

/** Somebody revoked tokens. The app has bot tokens only. */
export async function onTokensRevoked(
  core: Core,
  { body, event, context }: SlackEventMiddlewareArgs<'tokens_revoked'> & EventContext,
): Promise<void> {
  if (event.tokens.bot?.length) await forget(core, context, body.event_time);
}

/** Slack may send an event late. An installation that came after the event stays. */
async function forget(core: Core, context: EventContext['context'], eventTime: number): Promise<void> {
  const id = context.isEnterpriseInstall ? context.enterpriseId : context.teamId;
  if (id === undefined) return;
  const endOfSecond = new Date((eventTime + 1) * 1000);
  const removed = await core.installations.remove(id, endOfSecond);
  if (removed) core.log.info({ workspace: id }, 'Slack: the app was removed, and its tokens with it');
}
