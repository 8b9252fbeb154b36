import type { Call } from '../../client/client.ts';
import { fail } from '../../core/base/errors.ts';
import { plainText } from '../../core/base/format.ts';
import { run, say } from '../../core/base/prose.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';

type Instance = OutputOf<'get_instance'>;

/** What can be said to an instance, by its category. */
export type Talk = 'chat' | 'embedding' | 'reranker';

export interface ChatTarget {
  id: number;
  modelId: string;
  talk: Talk;
}

/** The instance that was named: by its number, its model id, or a model that has one running instance. */
export async function findChatTarget(named: string, call: Call): Promise<ChatTarget> {
  const id = (await runningInstanceOf(named, call)) ?? named;
  return targetOf(await call('get_instance', { instance: id }));
}

/** Undefined if the text is no name of a model, so it names an instance. */
async function runningInstanceOf(named: string, call: Call): Promise<string | undefined> {
  if (/^\d+$/.test(named) || named.includes(':')) return undefined;
  const { instances } = await call('get_model', { model: named });
  const running = instances.filter(({ state }) => state === 'running' || state === 'degraded');
  const [only, ...others] = running;
  if (only === undefined)
    throw fail('instance_not_running', `No instance of ${plainText(named)} runs.`, {
      nextStep: say`Launch it: ${run('launch_instance', { model: named })}.`,
    });
  if (others.length === 0) return String(only.id);
  const ids = running.map((each) => String(each.id));
  throw fail('instance_ambiguous', `${ids.length} instances of ${plainText(named)} run: ${ids.join(', ')}.`, {
    nextStep: 'Name one of them by its number.',
    validValues: ids,
  });
}

function targetOf({ id, model_id: modelId, category, state }: Instance): ChatTarget {
  if (state !== 'running' && state !== 'degraded')
    throw fail('instance_not_running', `Instance ${id} is ${plainText(state)}.`, {
      nextStep: say`See how far it is: ${run('get_instance', { instance: id })}.`,
    });
  if (category === 'chat' || category === 'embedding' || category === 'reranker')
    return { id, modelId, talk: category };
  throw fail('no_chat_with_category', `${plainText(modelId)} is a model of the category "${plainText(category)}".`, {
    nextStep: 'Call it with an OpenAI client: a terminal shows text only.',
  });
}
