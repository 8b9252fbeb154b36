import type { SlackOptionsMiddlewareArgs } from '@slack/bolt';
import type { PlainTextOption } from '@slack/types';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { plain } from '../blocks/text.ts';
import type { SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, identityOf, whoIs } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { within } from '../workspace/within.ts';
import { modelOption } from './launch-view.ts';

type ModelSummary = OutputOf<'list_models'>['items'][number];

/** The entry of a menu that could not be loaded. A submission refuses it. */
export const tryAgain = 'try again';

/** Slack waits three seconds for a menu; people do not. */
const menuMs = 900;
const optionsAtMost = 100;
/** So many people's lists are kept. */
const listsAtMost = 500;

/** The last list that each person was allowed to see, by identity. */
export type LastLists = Map<string, readonly ModelSummary[]>;

/** The menu of models: those whose name or source has what was typed. */
export async function onModelOptions(
  deps: SlackDeps,
  lists: LastLists,
  { ack, body, payload }: SlackOptionsMiddlewareArgs<'block_suggestion'>,
): Promise<void> {
  const who = whoIs(body, deps.core.access, deps.bots.home);
  const typed = payload.value.trim();
  if (!who) return ack({ options: [] });
  const key = identityOf(who);
  const work = search(deps, who, typed)
    .then((models) => {
      if (models) remember(lists, key, typed, models);
      else lists.delete(key);
      return models ?? [];
    })
    .catch((thrown: unknown) => {
      deps.core.log.warn({ err: thrown }, 'the menu of models could not be loaded');
      return undefined;
    });
  const found = (await within(work, menuMs)) ?? filtered(lists.get(key), typed);
  await ack({ options: found ? found.slice(0, optionsAtMost).map(modelOption) : [tryAgainOption] });
}

const tryAgainOption: PlainTextOption = {
  text: plain('The list did not load. Type again.', 75),
  value: tryAgain,
};

/** Undefined if the person has no role any more. */
async function search(
  { core }: SlackDeps,
  who: SlackUser,
  typed: string,
): Promise<readonly ModelSummary[] | undefined> {
  const caller = await callerOf(core.access, who);
  if (!caller) return undefined;
  const query = typed === '' ? undefined : typed.slice(0, 100);
  return (await core.execute('list_models', { query, limit: optionsAtMost }, caller)).items;
}

function remember(lists: LastLists, key: string, typed: string, models: readonly ModelSummary[]): void {
  if (typed !== '' && lists.has(key)) return;
  const oldest = lists.keys().next();
  if (lists.size >= listsAtMost && !oldest.done) lists.delete(oldest.value);
  lists.set(key, models);
}

function filtered(models: readonly ModelSummary[] | undefined, typed: string): readonly ModelSummary[] | undefined {
  const word = typed.toLowerCase();
  return models?.filter(({ name, origin }) => `${name} ${origin}`.toLowerCase().includes(word));
}
