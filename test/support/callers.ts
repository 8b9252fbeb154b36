import { scopes } from '../../src/core/base/caller.ts';
import type { Caller } from '../../src/core/base/caller.ts';
import type { Core } from '../../src/core/core.ts';

/** Whoever the server's machine belongs to, at its terminal. */
export async function atTerminal({ access }: Core): Promise<Caller> {
  return { person: await access.local(), identity: 'local', agent: false, mayDecide: true, source: 'cli', scopes };
}

/** Somebody of the config, as Slack brings them. */
export async function inSlack({ access }: Core, user: string, team = 'T1'): Promise<Caller> {
  const person = await access.personOfSlack(team, user);
  if (!person) throw new Error(`${user} is nobody`);
  return { person, identity: `slack:${team}/${user}`, agent: false, mayDecide: true, source: 'slack', scopes };
}
