import type { Caller } from '../../core/base/caller.ts';
import type { Core, TokenSummary } from '../../core/core.ts';
import { code, escape, section, sectionsOf } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

const usages = ['/ecolink token', '/ecolink token list', '/ecolink token revoke <name>'];

/** `/ecolink token`: answers with a link to a page that makes a token and shows it. It never passes through Slack. */
export async function tokenMessage(core: Core, caller: Caller, typed: string): Promise<SlackMessage> {
  const [verb = 'create', ...names] = typed.split(' ').filter(Boolean);
  if (verb === 'create' && names.length === 0) return handOut(core, caller);
  if (verb === 'list' && names.length === 0) return listed(await core.tokens.list(caller));
  const [name] = names;
  if (verb !== 'revoke' || name === undefined || names.length > 1)
    return message(`Type one of: ${usages.map(code).join(', ')}`);
  const revoked = await core.tokens.revoke(name, caller);
  const made = revoked.also_revoked.map(code).join(', ');
  return message(
    `:white_check_mark: The token ${code(revoked.name)} of ${escape(revoked.person)} works no more.${made === '' ? '' : ` Nor do those that it made: ${made}.`}`,
  );
}

async function handOut(core: Core, caller: Caller): Promise<SlackMessage> {
  const { id } = await core.tokens.links.make(caller);
  return message(
    `<${core.tokens.url(id)}|Make an EcoLink token on this page>: for the command line, an OpenAI client or an AI assistant of ${escape(caller.person.name)}. The link is for you only. It works once, within 10 minutes.${publicUrlHint(core)}`,
  );
}

/** Without a public address a link works on the server's own machine only. */
export function publicUrlHint({ config }: Core): string {
  return config.publicUrl === undefined
    ? " It opens on the server's own machine only. To open it here, ask whoever runs the server to set `ECOLINK_PUBLIC_URL`."
    : '';
}

function listed(tokens: readonly TokenSummary[]): SlackMessage {
  const names = new Map(tokens.map(({ id, name }) => [id, name]));
  const lines = tokens.map((token) => {
    const { name, person, scopes, agent, may_decide: decides, last_used_at: lastUse, made_by: maker } = token;
    return [
      `*${escape(name)}* of ${escape(person)}`,
      scopes.map(code).join(' '),
      ...(agent ? ['for an assistant'] : []),
      ...(decides ? ['may decide'] : []),
      lastUse === undefined ? 'not used yet' : `last used ${lastUse.slice(0, 10)}`,
      token.expires_at === undefined ? 'never expires' : `expires ${token.expires_at.slice(0, 10)}`,
      ...(maker === undefined ? [] : [`made by ${escape(names.get(maker) ?? maker)}`]),
    ].join('  ');
  });
  const none = lines.length === 0 ? ['You have none.'] : [];
  return { text: 'Your tokens', blocks: sectionsOf([...none, ...lines, usages.map(code).join('  ')]) };
}

function message(text: string): SlackMessage {
  return { text, blocks: [section(text)] };
}
