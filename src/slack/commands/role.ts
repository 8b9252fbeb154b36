import type { Caller } from '../../core/base/caller.ts';
import { roles } from '../../core/base/caller.ts';
import { fail } from '../../core/base/errors.ts';
import type { SlackDeps } from '../workspace/dependencies.ts';
import { post } from '../messages/post.ts';
import { identityOf } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { slackMarkup } from '../blocks/speaker.ts';
import { code, escape, section, sectionsOf } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

const usage = `/ecolink role @person ${roles.join(' | ')} | none`;

/** `/ecolink role @person member`: gives the role to the account that was mentioned, or to the person with that name. */
export async function roleMessage(
  deps: SlackDeps,
  caller: Caller,
  who: SlackUser,
  typed: string,
): Promise<SlackMessage> {
  const words = typed.split(' ').filter(Boolean);
  const role = words.pop()?.toLowerCase();
  if (role === undefined || words.length === 0) return message(`Type ${code(usage)}`);
  const { user, ...person } = personOf(words.join(' '), who);
  const set = await deps.core.execute('set_role', { ...person, role: roleNamed(role) }, caller);
  if (set.state === 'unchanged') return message(`*${escape(set.person)}* has this role already: ${code(set.role)}.`);
  if (user !== undefined && set.role !== 'none') await tellRole(deps, { ...who, user }, caller, set.role);
  return message(`:white_check_mark: *${escape(set.person)}*: ${code(set.role)}\n${slackMarkup(set.next_step)}`);
}

const assignable = [...roles, 'none' as const];

function roleNamed(typed: string): (typeof assignable)[number] {
  const role = assignable.find((each) => each === typed);
  if (role !== undefined) return role;
  throw fail('bad_field', `There is no role "${typed}".`, {
    nextStep: 'Type one of the roles.',
    validValues: assignable,
  });
}

/** Slack sends `@ada` as `<@U0456|ada>`. With an old manifest of the app, and for a name, it sends what was typed. */
function personOf(words: string, who: SlackUser): { person: string; name?: string; user?: string } {
  const [, mentioned, name] = /^<@([A-Z0-9]+)(?:\|([^>]*))?>$/.exec(words) ?? [];
  const user = mentioned ?? /^@?([UW][A-Z0-9]{6,})$/.exec(words)?.[1];
  if (user === undefined) return { person: words.replace(/^@/, '') };
  return { person: identityOf({ ...who, user }), user, ...(name ? { name } : {}) };
}

/** Tells somebody about their new role. If Slack does not take the message, the role stays. */
export async function tellRole(
  { bots, core }: SlackDeps,
  to: SlackUser,
  { person }: Caller,
  role: string,
): Promise<void> {
  const text = `${escape(person.name)} gave you the role ${code(role)} in EcoLink. ${code('/ecolink help')} shows what you can do.`;
  await post(bots, { user: to.user, at: to }, message(text)).catch((thrown: unknown) =>
    core.log.warn({ err: thrown }, 'somebody could not be told about their role'),
  );
}

/** `/ecolink people`. */
export async function peopleMessage({ core }: SlackDeps, caller: Caller): Promise<SlackMessage> {
  const { items, next_cursor: next } = await core.execute('list_people', { limit: 100 }, caller);
  const lines = items.map(
    ({ person, role, given_by: by, identities }) =>
      `*${escape(person)}*  ${code(role)}, from ${escape(by)}  ${identities.map(code).join(' ')}`,
  );
  const more = next === undefined ? [] : ['There are more people than fit into this message.'];
  return { text: 'Who has a role', blocks: sectionsOf([...lines, ...more, `To change one: ${code(usage)}`]) };
}

function message(text: string): SlackMessage {
  return { text, blocks: [section(text)] };
}
