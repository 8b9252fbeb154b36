import { ErrorCode } from '@slack/web-api';
import { z } from 'zod';

/**
 * What an error of Slack means for a message.
 * `place`: it cannot go to this channel or account. `message`: this one message cannot be shown or changed.
 * `content`: Slack does not take these blocks. `workspace`: nothing can be sent there now. `limited`: too many calls.
 * `unclear`: anything else. The call may even have worked. It is tried again.
 */
export type Verdict =
  | { kind: 'place' | 'message' | 'content' | 'workspace' | 'unclear'; error: string }
  | { kind: 'limited'; error: string; waitMs: number };

/** Errors about one channel or one account, from the pages of chat.postMessage and chat.update. */
const placeErrors = new Set([
  'cannot_dm_bot',
  'channel_not_found',
  'ekm_access_denied',
  'is_archived',
  'messages_tab_disabled',
  'no_permission',
  'not_in_channel',
  'restricted_action',
  'restricted_action_non_threadable_channel',
  'restricted_action_read_only_channel',
  'restricted_action_thread_locked',
  'restricted_action_thread_only_channel',
  'user_disabled',
  'user_not_found',
  'user_not_visible',
  'users_not_found',
]);

const messageErrors = new Set([
  'cannot_reply_to_message',
  'cant_broadcast_message',
  'cant_update_message',
  'edit_window_closed',
  'is_inactive',
  'message_not_found',
  'thread_not_found',
]);

const contentErrors = new Set([
  'block_mismatch',
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_blocks_too_long',
  'msg_too_long',
  'no_text',
]);

/** The app was removed, or its token is no good. A new installation mends it. */
const workspaceErrors = new Set([
  'account_inactive',
  'invalid_auth',
  'missing_scope',
  'not_authed',
  'not_installed',
  'org_login_required',
  'team_access_not_granted',
  'token_expired',
  'token_revoked',
]);

const limited = z.object({ code: z.literal(ErrorCode.RateLimitedError), retryAfter: z.number() });
const refused = z.object({ code: z.literal(ErrorCode.PlatformError), data: z.object({ error: z.string() }) });

export function verdictOn(thrown: unknown): Verdict {
  const slow = limited.safeParse(thrown);
  if (slow.success) return { kind: 'limited', error: 'ratelimited', waitMs: slow.data.retryAfter * 1000 };
  const answer = refused.safeParse(thrown);
  if (!answer.success) return { kind: 'unclear', error: thrown instanceof Error ? thrown.message : String(thrown) };
  return { kind: kindOf(answer.data.data.error), error: answer.data.data.error };
}

function kindOf(error: string): 'place' | 'message' | 'content' | 'workspace' | 'unclear' {
  if (placeErrors.has(error)) return 'place';
  if (messageErrors.has(error)) return 'message';
  if (contentErrors.has(error)) return 'content';
  return workspaceErrors.has(error) ? 'workspace' : 'unclear';
}
