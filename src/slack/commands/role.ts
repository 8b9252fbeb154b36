import type { Caller } from '../../core/base/caller.ts';
import { roles } from '../../core/base/caller.ts';
import type { Desk } from '../workspace/dependencies.ts';
import { post } from '../messages/post.ts';
import { identityOf } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { code, escape, section, sectionsOf } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

const usage = `/ecolink role @person ${roles.join(' | ')} | none`;

interface Changed {
  person: string;
  role: string;
  state: 'changed' | 'unchanged';
  next_step: string;
}

/** `/ecolink role @person member`: the role goes to the account that was mentioned, or to who is named. */
export async function roleMessage(desk: Desk, caller: Caller, who: SlackUser, typed: string): Promise<SlackMessage> {
  const words = typed.split(' ').filter(Boolean);
  const role = words.pop()?.toLowerCase();
  if (role === undefined || words.length === 0) return message(`Type ${code(usage)}`);
  const { user, ...person } = personOf(words.join(' '), who);
  const set = (await desk.core.execute('set_role', { ...person, role }, caller)) as unknown as Changed;
  if (set.state === 'unchanged') return message(`*${escape(set.person)}* has that already: ${code(set.role)}.`);
  if (user !== undefined && set.role !== 'none') await tell(desk, { ...who, user }, caller, set.role);
  return message(`:white_check_mark: *${escape(set.person)}*: ${code(set.role)}\n${escape(set.next_step)}`);
}

/** Slack writes `@ada` as `<@U0456|ada>`; where an old manifest keeps it from that, and for names, the words stand as they are. */
function personOf(words: string, who: SlackUser): { person: string; name?: string; user?: string } {
  const [, mentioned, name] = /^<@([A-Z0-9]+)(?:\|([^>]*))?>$/.exec(words) ?? [];
  const user = mentioned ?? /^@?([UW][A-Z0-9]{6,})$/.exec(words)?.[1];
  if (user === undefined) return { person: words.replace(/^@/, '') };
  return { person: identityOf({ ...who, user }), user, ...(name ? { name } : {}) };
}

/** Whoever has a role should know that they can begin. That the message cannot be sent takes nothing back. */
async function tell({ bots, core }: Desk, whom: SlackUser, { person }: Caller, role: string): Promise<void> {
  const text = `${escape(person.name)} gave you the role ${code(role)} in EcoLink. ${code('/ecolink help')} shows what you can do.`;
  await post(bots, { user: whom.user, at: whom }, message(text)).catch((thrown: unknown) =>
    core.log.warn({ err: thrown }, 'somebody could not be told of their role'),
  );
}

interface Listed {
  person: string;
  role: string;
  given_by: string;
  identities: string[];
}

/** `/ecolink people`. */
export async function peopleMessage({ core }: Desk, caller: Caller): Promise<SlackMessage> {
  const page = await core.execute('list_people', { limit: 100 }, caller);
  const items = page['items'] as Listed[];
  const lines = items.map(
    ({ person, role, given_by: by, identities }) =>
      `*${escape(person)}*  ${code(role)}, from ${escape(by)}  ${identities.map(code).join(' ')}`,
  );
  const more = page['next_cursor'] === undefined ? [] : ['More of them: `ecolink list-people`'];
  return { text: 'Who has a role', blocks: sectionsOf([...lines, ...more, `To change one: ${code(usage)}`]) };
}

function message(text: string): SlackMessage {
  return { text, blocks: [section(text)] };
}
