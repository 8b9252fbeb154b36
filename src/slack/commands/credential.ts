import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import { fail } from '../../core/base/errors.ts';
import type { EcolinkError } from '../../core/base/errors.ts';
import { say, task } from '../../core/base/prose.ts';
import { receiptMarkup } from '../forms/form-view.ts';
import { code, escape, section, sectionsOf } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';
import { publicUrlHint } from './token.ts';

const usage = '/ecolink credential add <name> [--shared]';

/** `/ecolink credential`: lists, adds or deletes. Without more words it lists. */
export async function credentialMessage(core: Core, caller: Caller, typed: string): Promise<SlackMessage> {
  const [verb = 'list', ...words] = typed.split(/\s+/).filter(Boolean);
  const shared = words.includes('--shared');
  const names = words.filter((word) => word !== '--shared');
  const [name] = names;
  if (verb === 'list' && names.length === 0) return listed(core, caller);
  if (name !== undefined && names.length === 1) {
    if (verb === 'add') return added(core, caller, name, shared);
    if (verb === 'delete') return deleted(core, caller, name);
  }
  return message([usage, '/ecolink credential list', '/ecolink credential delete <name>'].map(code).join('\n'));
}

/** Answers with a link to a page for the token. A token never passes through Slack. */
async function added(core: Core, caller: Caller, name: string, shared: boolean): Promise<SlackMessage> {
  const { id } = await core.credentials.links.make({ name, shared }, caller, true);
  return message(
    `<${core.credentials.url(id)}|Type the Hugging Face token on this page>: it fills ${code(name)} of ${escape(caller.person.name)}${shared ? ', shared with the team' : ''}. The link is for you only. It works once, within 10 minutes. Never type a token into Slack.${publicUrlHint(core)}`,
  );
}

async function listed(core: Core, caller: Caller): Promise<SlackMessage> {
  const { items } = await core.execute('list_credentials', { limit: 100 }, caller);
  const lines = items.map(({ credential, owner, account, shared, state, models }) =>
    [
      `${state === 'ok' ? ':key:' : ':warning:'} *${escape(credential)}*`,
      account === undefined ? '' : `of ${escape(account)} on the Hub`,
      shared ? `shared by ${escape(owner)}` : '',
      state === 'ok' ? '' : 'it no longer works: add it again with the same name',
      models.length > 0 ? `for ${models.map(code).join(' ')}` : '',
    ]
      .filter(Boolean)
      .join('  '),
  );
  const none = lines.length === 0 ? ['You have none.'] : [];
  return { text: 'Your credentials', blocks: sectionsOf([...none, ...lines, `To add one: ${code(usage)}`]) };
}

async function deleted(core: Core, caller: Caller, name: string): Promise<SlackMessage> {
  const receipt = await core.execute('delete_credential', { credential: name }, caller);
  return message(receiptMarkup({ model: name, ...receipt }));
}

/** For a token that somebody typed into Slack, which keeps it in its own records. */
export function refuseTyped(): EcolinkError {
  return fail(
    'token_in_input',
    'What you typed holds the value of a token. It was not stored or logged here, but Slack has seen it.',
    {
      nextStep: say`Revoke that token where it was made. To store a new one, ${task('add_credential')} opens a page.`,
    },
  );
}

function message(text: string): SlackMessage {
  return { text, blocks: [section(text)] };
}
