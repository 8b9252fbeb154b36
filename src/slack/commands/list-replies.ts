import { atLeast } from '../../core/base/caller.ts';
import type { Caller } from '../../core/base/caller.ts';
import { EcolinkError, fail } from '../../core/base/errors.ts';
import { randomId } from '../../core/base/ids.ts';
import { run, say } from '../../core/base/prose.ts';
import type { Core } from '../../core/core.ts';
import { confirmMessage, runButton } from '../blocks/action-blocks.ts';
import type { Action } from '../blocks/action-blocks.ts';
import { instanceMessage, instancesMessage } from '../blocks/instance-blocks.ts';
import type { Instance } from '../blocks/instance-blocks.ts';
import { logsMessage } from '../blocks/log-blocks.ts';
import { modelMessage, modelsMessage } from '../blocks/model-blocks.ts';
import type { ModelRights } from '../blocks/model-blocks.ts';
import { cacheMessage, regionsMessage } from '../blocks/region-blocks.ts';
import { code, escape } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** A message has 50 blocks, and each model and volume takes one. */
const pageLength = 20;

export async function instancesReply(core: Core, caller: Caller): Promise<SlackMessage> {
  const page = await core.execute('list_instances', {}, caller);
  return instancesMessage(page.items, page.next_cursor !== undefined, new Date());
}

/** `/ecolink status [instance]`. */
export async function statusReply(core: Core, caller: Caller, instance: string): Promise<SlackMessage> {
  if (instance === '') return instancesReply(core, caller);
  return instanceMessage(await core.execute('get_instance', { instance }, caller));
}

/** `/ecolink models [name or word]`: the model with this name, else those that have the word. */
export async function modelsReply(core: Core, caller: Caller, typed: string): Promise<SlackMessage> {
  if (typed !== '') {
    const found = await modelNamed(core, caller, typed);
    if (found) return found;
  }
  const query = typed === '' ? undefined : typed.slice(0, 100);
  const page = await core.execute('list_models', { query, limit: pageLength }, caller);
  const mayLaunch = atLeast(caller.person.role, 'member');
  return modelsMessage(page.items, { mayLaunch, more: page.next_cursor !== undefined, query: query ?? '' });
}

async function modelNamed(core: Core, caller: Caller, name: string): Promise<SlackMessage | undefined> {
  try {
    const model = await core.execute('get_model', { model: name }, caller);
    return modelMessage(model, modelRights(caller, model.owner));
  } catch (thrown) {
    if (thrown instanceof EcolinkError && (thrown.kind === 'not_found' || thrown.kind === 'input')) return undefined;
    throw thrown;
  }
}

/** What the card of a model offers. The operation itself decides. */
export function modelRights({ person }: Caller, owner: string): ModelRights {
  const mayLaunch = atLeast(person.role, 'member');
  return { mayLaunch, mayDelete: mayLaunch && (owner === person.name || person.role === 'admin') };
}

export async function regionsReply(core: Core, caller: Caller): Promise<SlackMessage> {
  const { items } = await core.execute('list_regions', { limit: 100 }, caller);
  return regionsMessage(items);
}

export async function cacheReply(core: Core, caller: Caller): Promise<SlackMessage> {
  const page = await core.execute('list_cache', { limit: pageLength }, caller);
  const mayEvict = atLeast(caller.person.role, 'member');
  return cacheMessage(page.items, { mayEvict, more: page.next_cursor !== undefined, key: randomId('slack') });
}

/** `/ecolink cache evict <model>`: says what would go, with the button. */
export async function evictReply(core: Core, caller: Caller, model: string): Promise<SlackMessage> {
  const { name } = await core.execute('get_model', { model }, caller);
  const effect = `The cached weights of ${name} are deleted in every region. The next launch fetches them again.`;
  const action = { operation: 'evict_cache', input: { model: name }, key: randomId('slack') };
  return confirmMessage(
    `Evict the weights of ${name}?`,
    [escape(effect)],
    runButton(action, { verb: 'Evict', effect, danger: true }),
  );
}

export async function logsReply(core: Core, caller: Caller, instance: string): Promise<SlackMessage> {
  needWord(instance, 'logs');
  return logsMessage(await core.execute('get_instance_logs', { instance }, caller));
}

interface Change {
  verb: string;
  effect: (instance: Instance) => string;
  danger: boolean;
}

const changes = {
  stop_instance: {
    verb: 'Stop',
    effect: ({ id }) =>
      `Its accelerators become free. Its weights stay cached, and /ecolink restart ${id} brings it back.`,
    danger: true,
  },
  restart_instance: {
    verb: 'Restart',
    effect: () => 'It starts anew from the same image. Calls wait until it is ready again.',
    danger: false,
  },
  delete_instance: {
    verb: 'Delete',
    effect: () => 'It leaves the lists, and its number is never used again. Cached weights stay.',
    danger: true,
  },
} as const satisfies Record<string, Change>;

/** `/ecolink stop 3`: what would happen, and the button that does it. A typed line alone changes nothing. */
export async function changeReply(
  core: Core,
  caller: Caller,
  operation: keyof typeof changes,
  reference: string,
): Promise<SlackMessage> {
  const change: Change = changes[operation];
  needWord(reference, change.verb.toLowerCase());
  const instance = await core.execute('get_instance', { instance: reference }, caller);
  const action: Action = { operation, input: { instance: String(instance.id) }, key: randomId('slack') };
  const regions = instance.regions.map(({ region }) => region).join(', ');
  const effect = `${change.verb} ${instance.model_id} in ${regions}. ${change.effect(instance)}`;
  const lines = [
    `It is ${instance.state} in ${escape(regions)}, ${instance.ready} of ${instance.replicas} ready, launched by ${escape(instance.owner)}.`,
    escape(change.effect(instance)),
  ];
  const button = runButton(action, { verb: change.verb, effect, danger: change.danger });
  return confirmMessage(`${change.verb} ${instance.model_id}?`, lines, button);
}

/** `/ecolink cancel 3`. */
export async function cancelReply(core: Core, caller: Caller, request: string): Promise<SlackMessage> {
  needWord(request, 'cancel');
  const approval = await core.execute('get_approval', { approval: request }, caller);
  const what = approval.summary[0] ?? approval.what;
  const action = { operation: 'cancel_request', input: { approval: String(approval.id) }, key: randomId('slack') };
  const effect = `Request ${approval.id} ends without a decision: ${what}`;
  const button = runButton(action, { verb: 'Cancel request', effect, danger: true });
  return confirmMessage(`Cancel request ${approval.id}?`, [`It is ${code(approval.state)}: ${escape(what)}`], button);
}

/** Throws if the thing is not named. */
function needWord(word: string, subcommand: string): void {
  if (word !== '') return;
  const example = subcommand === 'cancel' ? run('list_approvals') : run('list_instances');
  throw fail('bad_field', `Type its number after "${subcommand}".`, { nextStep: say`${example} shows the numbers.` });
}
