import { WebAPIPlatformError } from '@slack/web-api';
import type { GroupLookup, SlackWorkspace } from '../../core/core.ts';
import type { Log } from '../../core/base/log.ts';
import { workspaceOf } from '../connect/bots.ts';
import type { Bots } from '../connect/bots.ts';
import { accountOf } from './people.ts';

/** The fields of `users.info` that decide whether an account may have a role. */
export interface SlackAccountInfo {
  team_id?: string;
  deleted?: boolean;
  is_bot?: boolean;
  is_restricted?: boolean;
  is_ultra_restricted?: boolean;
  is_stranger?: boolean;
  enterprise_user?: { enterprise_id?: string };
}

/** How long an answer counts. Somebody who was deactivated can work on for this long at most. */
const keptMs = 5 * 60_000;
/** How long to wait after Slack had no answer, because every request waits for the lookup. */
const retryMs = 10_000;

/** False for guests, bots, deactivated accounts and people of other workspaces. */
export function getsSomething(account: SlackAccountInfo, { team, enterprise }: SlackWorkspace): boolean {
  if (account.deleted || account.is_bot || account.is_restricted || account.is_ultra_restricted) return false;
  if (account.is_stranger) return false;
  const { team_id: own, enterprise_user: grid } = account;
  return (
    own === undefined || own === team || (enterprise !== undefined && [own, grid?.enterprise_id].includes(enterprise))
  );
}

/** Looks up Slack accounts and groups for core. */
export function createSlackLookup(bots: Bots, log: Log, now = (): number => Date.now()): GroupLookup {
  const accounts = remembered((identity: string) => askAccount(bots, identity), { log, now });
  const groups = remembered((group: string) => askMembers(bots, group), { log, now });
  return { active: (identity) => accounts(identity), members: (group) => groups(group) };
}

const unknownAccount = new Set(['user_not_found', 'users_not_found', 'user_not_visible']);

async function askAccount(bots: Bots, identity: string): Promise<boolean | undefined> {
  const who = accountOf(identity);
  const bot = who && (await bots.of(who));
  if (!bot) return undefined;
  try {
    const { user: account } = await bot.hasty.users.info({ user: who.user });
    return account && getsSomething(account, bot.workspace);
  } catch (thrown) {
    // Slack answered: it knows no such account.
    if (thrown instanceof WebAPIPlatformError && unknownAccount.has(thrown.data.error)) return false;
    throw thrown;
  }
}

/** A group belongs to a workspace. The token may be that of its organisation. */
async function askMembers(bots: Bots, group: string): Promise<readonly string[] | undefined> {
  const [team, usergroup] = group.split('/');
  if (team === undefined || usergroup === undefined) return undefined;
  const own = await bots.of(workspaceOf(team));
  const organisations = own ? [] : await bots.organisations();
  const others = await Promise.all(organisations.map((enterprise) => bots.of({ team, enterprise })));
  let thrown: unknown;
  for (const bot of [own, ...others]) {
    if (!bot) continue;
    try {
      const { users = [] } = await bot.hasty.usergroups.users.list({ usergroup });
      return users.map((user) => `slack:${bot.workspace.enterprise ?? bot.workspace.team}/${user}`);
    } catch (caught) {
      thrown = caught;
    }
  }
  if (thrown !== undefined) throw thrown;
  return undefined;
}

interface RememberDeps {
  log: Log;
  now: () => number;
}

/** Remembers answers. Slack gets one call, however many callers ask for the same thing at once. */
function remembered<T>(ask: (key: string) => Promise<T | undefined>, { log, now }: RememberDeps) {
  const answers = new Map<string, { until: number; answer: Promise<T | undefined> }>();
  return async (key: string): Promise<T | undefined> => {
    const before = answers.get(key);
    if (before && now() < before.until) return before.answer;
    const asked = now();
    const answer = ask(key).catch((thrown: unknown) => {
      log.warn({ about: key, reason: reasonOf(thrown) }, 'Slack did not answer a lookup of an account or a group');
      return undefined;
    });
    const entry = { until: asked + keptMs, answer };
    answers.set(key, entry);
    if ((await answer) === undefined) entry.until = asked + retryMs;
    return answer;
  };
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof WebAPIPlatformError
    ? thrown.data.error
    : thrown instanceof Error
      ? thrown.message
      : String(thrown);
}
