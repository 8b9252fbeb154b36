import { atLeast } from '../../core/base/caller.ts';
import type { Caller } from '../../core/base/caller.ts';
import { fail } from '../../core/base/errors.ts';
import { code, escape, section, sectionsOf, shorten } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { missingScopes } from '../connect/scopes.ts';
import type { SlackDeps } from '../workspace/dependencies.ts';
import type { SlackUser } from '../workspace/people.ts';

/** `/ecolink doctor`, for admins: what is wrong with the regions and with this app, as seen from here. */
export async function doctorReply(deps: SlackDeps, caller: Caller, who: SlackUser): Promise<SlackMessage> {
  if (!atLeast(caller.person.role, 'admin')) {
    throw fail('role_missing', 'The doctor is for admins.', { nextStep: 'Ask an admin to run it.' });
  }
  const { items } = await deps.core.execute('list_regions', { limit: 100 }, caller);
  const lines = [
    await appLine(deps, who),
    ...(await channelLines(deps)),
    ...items.map(({ name, reachable, reason, missing_permissions: missing }) => {
      const head = `Region *${shorten(escape(name), 60)}*`;
      if (!reachable) return bad(`${head}: not reachable. ${shorten(escape(reason ?? ''), 300)}`);
      if (missing.length > 0) return bad(`${head}: it lacks ${shorten(escape(missing.join(', ')), 500)}`);
      return good(`${head}: reachable`);
    }),
  ];
  const text = lines.every((line) => line.startsWith(':white')) ? 'All is well' : 'Something needs a hand';
  return { text, blocks: [section(`*${text}*`), ...sectionsOf(lines)] };
}

const good = (words: string): string => `:white_check_mark: ${words}`;
const bad = (words: string): string => `:warning: ${words}`;

/** The channels of the config in which EcoLink could not write when it last tried. */
async function channelLines({ core }: SlackDeps): Promise<string[]> {
  const about = (await core.outbox.about('channel', 0)).map((message) => message.about.replace(/^broken .*[/]/, ''));
  return [...new Set(about)].map((channel) =>
    bad(`Slack: I cannot write in <#${escape(channel)}>. \`/invite\` me there.`),
  );
}

/** Whether Slack gave this app all rights that it asks for. */
async function appLine({ bots }: SlackDeps, who: SlackUser): Promise<string> {
  const bot = await bots.of(who);
  if (!bot) return bad('Slack: the app is not installed in this workspace.');
  const { response_metadata: metadata } = await bot.hasty.auth.test();
  const missing = missingScopes(metadata?.scopes).map(({ scope, off }) => `${code(scope)} (off: ${off})`);
  return missing.length === 0
    ? good('Slack: the token works and has its rights.')
    : bad(`Slack: the app lacks ${missing.join(', ')}. Take the new manifest and install the app again.`);
}
