import type { BlockAction, SlackActionMiddlewareArgs } from '@slack/bolt';
import type { KnownBlock } from '@slack/types';
import type { Caller } from '../../core/base/caller.ts';
import type { Core } from '../../core/core.ts';
import { operations } from '../../core/operations/catalogue.ts';
import { code, section } from '../blocks/text.ts';
import { failureOf } from '../commands/failure.ts';
import { publicUrlHint } from '../commands/token.ts';
import { botAt } from '../workspace/dependencies.ts';
import type { EventContext, SlackDeps } from '../workspace/dependencies.ts';
import { callerOf, whoIs } from '../workspace/people.ts';
import { within } from '../workspace/within.ts';
import { inputOf } from './form.ts';
import type { Form } from './form.ts';
import { formView } from './form-view.ts';
import type { FormNotice } from './form-view.ts';
import { loadChoices } from './load-choices.ts';
import { checkedBlocks, credentialActionId } from './register-extras.ts';
import { readSubmission } from './submit-form.ts';
import { updateOpen } from './update-view.ts';

const { register_model: register } = operations;

/** A check of the real source may take so long. */
const longestMs = 60_000;

/** *Check* and *Add a credential* in the form for a model. What was typed stays. */
export async function onRegisterClick(
  deps: SlackDeps,
  { ack, action, body, context }: SlackActionMiddlewareArgs<BlockAction> & EventContext,
): Promise<void> {
  await ack();
  const { core } = deps;
  const { view } = body;
  const who = whoIs(body, core.access, deps.bots.home);
  const shown = view && readSubmission(view);
  if (!view || !who || !shown) return;
  const [caller, bot] = [await callerOf(core.access, who), await botAt(deps, context)];
  if (!caller || !bot) return;
  const { form } = shown;
  if (action.action_id === credentialActionId) {
    const notice = { found: await credentialLink(core, caller, form) };
    await updateOpen(bot, { view_id: view.id, view: formView(register, form, shown.choices, notice) });
    return;
  }
  const checking = formView(register, form, shown.choices, { checking: true });
  if (!(await updateOpen(bot, { view_id: view.id, hash: view.hash, view: checking }))) return;
  // A credential that was added meanwhile shows in its menu.
  const { credential: _old, ...known } = shown.choices;
  const [notice, choices] = await Promise.all([
    within(check(core, caller, form), longestMs),
    loadChoices(core, caller, register, form, known),
  ]);
  const view_ = formView(
    register,
    form,
    choices,
    notice ?? { found: [section('The source does not answer. Try again in a minute.')] },
  );
  await updateOpen(bot, { view_id: view.id, view: view_ });
}

async function check(core: Core, caller: Caller, form: Form): Promise<FormNotice> {
  const { name: _name, ...source } = inputOf(register, form.values);
  try {
    // The operation itself refuses what is missing.
    return { found: checkedBlocks(await core.execute('check_model', sourceOf(source), caller)) };
  } catch (thrown) {
    return { error: failureOf(core, thrown, 'a check in Slack failed') };
  }
}

/** The fields of the source, as `check_model` has them. */
function sourceOf(values: Record<string, unknown>) {
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    source: text('source') ?? '',
    repo: text('repo'),
    revision: text('revision'),
    credential: text('credential'),
    filesystem: text('filesystem'),
    subfolder: text('subfolder'),
  };
}

/** A one-time page for a token. It never passes through Slack. */
async function credentialLink(core: Core, caller: Caller, { values }: Form): Promise<KnownBlock[]> {
  const typed = values['name'];
  const name = typeof typed === 'string' && /^[a-z0-9][a-z0-9._-]{0,30}$/.test(typed) ? `${typed}-hub` : 'hub';
  const { id } = await core.credentials.links.make({ name, shared: false }, caller, true);
  return [
    section(
      `:key: <${core.credentials.url(id)}|Type the Hugging Face token on this page>. It is stored as ${code(name)}, for you only. The link works once, within 10 minutes. Then press *Check*, and choose it below.${publicUrlHint(core)}`,
      'credential.link',
    ),
  ];
}
