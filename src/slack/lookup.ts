import type { GroupLookup } from '../core/access/access.ts';

/** What `users.info` says of an account, as far as it decides who gets something. */
export interface SlackAccountInfo {
  deleted?: boolean;
  is_bot?: boolean;
  is_restricted?: boolean;
  is_ultra_restricted?: boolean;
}

/** Asks Slack itself; answers with undefined, or throws, where it cannot say. */
export interface SlackSource {
  account(user: string): Promise<SlackAccountInfo | undefined>;
  /** Ids of the user group's members. */
  members(usergroup: string): Promise<readonly string[] | undefined>;
}

/** How long an answer holds: who was deactivated works on for no longer than that. */
const heldMs = 5 * 60_000;

/** Guests of either kind, bots and deactivated accounts get nothing. */
export function getsSomething(account: SlackAccountInfo): boolean {
  return !(account.deleted || account.is_bot || account.is_restricted || account.is_ultra_restricted);
}

/** Slack's answers about the people and groups of one team, for core. What Slack cannot say now is asked again next time. */
export function createSlackLookup(team: string, source: SlackSource, now: () => number = Date.now): GroupLookup {
  const accounts = held((user: string) => source.account(user), now);
  const groups = held((group: string) => source.members(group), now);
  const mine = (id: string): string | undefined => (id.startsWith(`${team}/`) ? id.slice(team.length + 1) : undefined);
  return {
    async active(identity) {
      const user = mine(identity.replace(/^slack:/, ''));
      const account = user === undefined ? undefined : await accounts(user);
      return account && getsSomething(account);
    },
    async members(group) {
      const id = mine(group);
      const users = id === undefined ? undefined : await groups(id);
      return users?.map((user) => `slack:${team}/${user}`);
    },
  };
}

/** Of many who ask for one thing at once, one asks Slack. */
function held<T>(ask: (key: string) => Promise<T | undefined>, now: () => number) {
  const answers = new Map<string, { at: number; answer: Promise<T | undefined> }>();
  return async (key: string): Promise<T | undefined> => {
    const before = answers.get(key);
    if (before && now() - before.at < heldMs) return before.answer;
    const answer = ask(key).catch(() => undefined);
    answers.set(key, { at: now(), answer });
    const value = await answer;
    if (value === undefined) answers.delete(key);
    return value;
  };
}
