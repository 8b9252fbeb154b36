import type { Caller } from '../../core/base/caller.ts';
import { EcolinkError, fail } from '../../core/base/errors.ts';
import type { Core } from '../../core/core.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { launchInput, launchTerms } from './launch-form.ts';
import type { LaunchForm } from './launch-form.ts';
import type { LaunchFacts } from './launch-view.ts';
import type { Plan, PlanFacts } from './plan-view.ts';

type Explained = OutputOf<'explain_policy'>;
type Wanted = LaunchForm['wanted'][number];

/** The plan with what belongs to it, or the field that the policy wants before it lets anybody launch. */
export type PlanStep = { facts: PlanFacts } | { wanted: Wanted; error: EcolinkError };

/** What the form shows, with the caller's own rights. */
export async function gatherFacts(core: Core, caller: Caller, { choices }: LaunchForm): Promise<LaunchFacts> {
  const [regions, models, chosen] = await Promise.all([
    core.execute('list_regions', { limit: 100 }, caller),
    core.execute('list_models', { limit: 1 }, caller),
    choices.model === undefined ? undefined : factsOfModel(core, caller, choices.model),
  ]);
  return {
    regions: regions.items,
    anyModel: models.items.length > 0,
    model: chosen?.model,
    fits: chosen?.fits ?? [],
  };
}

async function factsOfModel(core: Core, caller: Caller, name: string) {
  const model = await findModel(core, caller, name);
  if (!model) return undefined;
  // Without a region that can take it there is no plan. The form then offers every accelerator.
  const fits = await core.execute('plan_launch', { model: name }, caller).then(
    (plan) => plan.fits,
    () => [],
  );
  return { model, fits };
}

/** The model with this name. Undefined if the caller may not see one. */
export async function findModel(core: Core, caller: Caller, name: string) {
  try {
    return await core.execute('get_model', { model: name }, caller);
  } catch (thrown) {
    if (thrown instanceof EcolinkError && (thrown.kind === 'not_found' || thrown.kind === 'input')) return undefined;
    throw thrown;
  }
}

/** Plans the launch and asks the policy about it. Nothing is stored. Throws what `plan_launch` throws, and `policy_denied`. */
export async function planStep(core: Core, caller: Caller, form: LaunchForm): Promise<PlanStep> {
  const plan = await core.execute('plan_launch', launchInput(form), caller);
  const [explained, running] = await Promise.all([explain(core, caller, form, plan), runningNow(core, caller, plan)]);
  if (explained.answer === 'deny') return denied(core, caller, form, plan, explained);
  if (explained.answer === 'allow') return { facts: { plan, running } };
  const { approvers = [], quorum = 1, rule, reason_required: wantsReason } = explained;
  if (wantsReason && form.choices.reason === undefined)
    return { wanted: 'reason', error: wants('reason', `The rule "${rule}" needs a reason.`, 'Say why it is needed.') };
  return { facts: { plan, running, approval: { approvers, quorum, rule } } };
}

function explain(core: Core, caller: Caller, form: LaunchForm, plan: Plan): Promise<Explained> {
  const input = { ...launchInput(form), ...launchTerms(form), plan_digest: plan.digest };
  return core.execute('explain_policy', { operation: 'launch_instance', input: JSON.stringify(input) }, caller);
}

/** Any end tells whether the policy wants one. */
const someEnd = '1h';

/** A rule may deny a launch because it has no end: then an end is what the form must ask for. */
async function denied(
  core: Core,
  caller: Caller,
  form: LaunchForm,
  plan: Plan,
  { rule, reason }: Explained,
): Promise<PlanStep> {
  const why = `The rule "${rule}" denies this launch${reason === undefined ? '.' : `: ${reason}`}`;
  if (form.choices.stop_after === undefined) {
    const withEnd = { ...form, choices: { ...form.choices, stop_after: someEnd } };
    if ((await explain(core, caller, withEnd, plan)).answer !== 'deny')
      return { wanted: 'stop_after', error: wants('stop_after', why, 'Choose when it stops.') };
  }
  throw fail('policy_denied', why, { nextStep: 'Choose something else, or talk to an admin.' });
}

function wants(field: Wanted, message: string, nextStep: string): EcolinkError {
  return fail('bad_field', message, { nextStep, field });
}

async function runningNow(core: Core, caller: Caller, { model }: Plan): Promise<PlanFacts['running']> {
  const { items } = await core.execute('list_instances', { model, limit: 20 }, caller);
  return items.filter(({ state }) => state !== 'stopped' && state !== 'failed');
}
