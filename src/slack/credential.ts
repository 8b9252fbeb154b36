import type { Caller } from '../core/access/caller.ts';
import type { Core } from '../core/core.ts';
import { inputError } from '../core/errors.ts';
import { code, escape, section } from './text.ts';
import type { SlackMessage } from './text.ts';

const usage = '/ecolink credential add <name> [--shared]';

/** `/ecolink credential add <name>`: hands out a page where the token is typed. A token never passes through Slack. */
export async function credentialMessage(core: Core, caller: Caller, typed: string): Promise<SlackMessage> {
  const [verb, ...words] = typed.split(/\s+/).filter(Boolean);
  const shared = words.includes('--shared');
  const names = words.filter((word) => word !== '--shared');
  const [name] = names;
  if (verb !== 'add' || name === undefined || names.length > 1) return message(`Type ${code(usage)}`);
  const { id } = await core.credentials.links.make({ name, shared }, caller, true);
  return message(
    `<${core.credentials.url(id)}|Type the Hugging Face token on this page>: it fills ${code(name)} of ${escape(caller.person.name)}${shared ? ', shared with the team' : ''}. The link is yours alone, works once, and is good for 10 minutes. Never type a token into Slack.`,
  );
}

/** What was typed here has been seen by Slack, and stays in its own records. */
export function refuseTyped(): Error {
  return inputError(
    'token_in_input',
    'What you typed holds the value of a token. It was not stored or logged here, but Slack has seen it.',
    {
      nextStep: `Revoke that token where it was made. For a new one: ${usage} opens a page to type it on.`,
    },
  );
}

function message(text: string): SlackMessage {
  return { text, blocks: [section(text)] };
}
