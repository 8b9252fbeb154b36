import type { InputBlock, KnownBlock, ModalView, PlainTextOption } from '@slack/types';
import type { EcolinkError } from '../../core/base/errors.ts';
import { formatBytes } from '../../core/base/format.ts';
import { run, say } from '../../core/base/prose.ts';
import { inputFields } from '../../core/operation/operation.ts';
import { operations } from '../../core/operations/catalogue.ts';
import type { OutputOf } from '../../core/operations/catalogue.ts';
import { openButton } from '../blocks/action-blocks.ts';
import { errorMarkup } from '../blocks/error-text.ts';
import { slackMarkup, slackWords } from '../blocks/speaker.ts';
import { code, escape, note, plain, section, shorten, tokens } from '../blocks/text.ts';
import { writeLaunchForm } from './launch-form.ts';
import type { LaunchField, LaunchForm } from './launch-form.ts';

export const launchFormId = 'form.launch_instance';
export const modelActionId = 'launch.model';
export const moreActionId = 'launch.more';
/** The choice between the channel of the command and a direct message, for the card of the instance. */
export const cardBlock = 'card';
export const directValue = 'direct';
/** Another channel for the card. */
export const elsewhereBlock = 'elsewhere';

type Region = OutputOf<'list_regions'>['items'][number];
type Fit = OutputOf<'plan_launch'>['fits'][number];

/** What the form knows of the world, with the rights of the person. */
export interface LaunchFacts {
  regions: readonly Region[];
  /** False: nobody has registered a model that this person may see. */
  anyModel: boolean;
  /** The chosen model. */
  model?: { name: string; category: string; bytes: number; region?: string | undefined } | undefined;
  /** The accelerators that hold it. */
  fits: readonly Fit[];
}

const fields = new Map(inputFields(operations.launch_instance).map((field) => [field.name, field]));

/** The form that collects a launch. Its button shows the plan; nothing runs from here. */
export function launchView(form: LaunchForm, facts: LaunchFacts, error?: EcolinkError): ModalView {
  const { more } = form;
  return {
    ...shell(form),
    submit: plain('Show the plan', 24),
    blocks: [
      ...noticesOf(form, facts, error),
      modelInput(form, facts),
      regionInput(form, facts),
      acceleratorInput(form, facts),
      input('replicas', {
        type: 'number_input',
        action_id: 'field',
        is_decimal_allowed: false,
        min_value: '1',
        max_value: '100',
        initial_value: form.choices.replicas ?? '1',
      }),
      stopInput(form),
      reasonInput(form),
      privateInput(form),
      ...cardInputs(form),
      ...(more ? moreInputs(form, facts) : []),
      ...(more ? [] : [{ type: 'actions' as const, block_id: 'more', elements: [moreButton] }]),
    ],
  };
}

const moreButton = { ...openButton('more', '', 'More options'), action_id: moreActionId };

export function launchLoadingView(form: LaunchForm): ModalView {
  return { ...shell(form), blocks: [section(':hourglass_flowing_sand: Loading…', 'loading')] };
}

function shell(form: LaunchForm): Omit<ModalView, 'blocks'> {
  return {
    type: 'modal',
    callback_id: launchFormId,
    title: plain('Launch a model', 24),
    close: plain('Cancel', 24),
    // Too long only with arguments that a submission refuses.
    private_metadata:
      writeLaunchForm(form) ?? writeLaunchForm({ ...form, choices: { ...form.choices, arguments: [] } }) ?? '',
  };
}

function noticesOf({ unclear }: LaunchForm, { anyModel }: LaunchFacts, error: EcolinkError | undefined): KnownBlock[] {
  const blocks: KnownBlock[] = [];
  if (!anyModel) {
    const text = say`There are no models to choose from yet. Add one with ${run('register_model')}.`;
    blocks.push(section(`:information_source: ${slackMarkup(text)}`, 'nothing'));
  }
  if (unclear.length > 0) {
    const words = unclear.slice(0, 10).map((word) => code(shorten(word, 60)));
    blocks.push(section(`:information_source: Not understood: ${words.join(', ')}. Choose below.`, 'unclear'));
  }
  if (error) blocks.push(section(errorMarkup(error, operations.launch_instance), 'error'));
  return blocks;
}

/** One field of the operation as a block. Texts come from its definition, unless the form says it better. */
function input(
  name: LaunchField,
  element: InputBlock['element'],
  more: { label?: string; hint?: string; optional?: boolean; dispatch?: boolean } = {},
): InputBlock {
  const field = fields.get(name);
  const hint = more.hint ?? (field === undefined ? undefined : slackWords(field.help));
  return {
    type: 'input',
    block_id: name,
    label: plain(more.label ?? field?.label ?? name, 2000),
    hint: hint === undefined ? undefined : plain(hint, 2000),
    optional: more.optional ?? true,
    element,
    ...(more.dispatch === true ? { dispatch_action: true } : {}),
  };
}

export function modelOption({
  name,
  category,
  bytes,
}: {
  name: string;
  category: string;
  bytes: number;
}): PlainTextOption {
  return { text: plain(`${name} · ${category} · ${formatBytes(bytes)}`, 75), value: name };
}

function modelInput({ choices }: LaunchForm, { model }: LaunchFacts): KnownBlock {
  return input(
    'model',
    {
      type: 'external_select',
      action_id: modelActionId,
      min_query_length: 0,
      placeholder: plain('Search by name or source', 150),
      ...(model && model.name === choices.model ? { initial_option: modelOption(model) } : {}),
    },
    { optional: false, hint: 'Models that you may see, with category and size.', dispatch: true },
  );
}

/** Slack takes as many options in a menu. */
const optionsAtMost = 100;

function regionInput({ choices }: LaunchForm, { regions, model }: LaunchFacts): KnownBlock {
  if (model?.region !== undefined) {
    const only = `:lock: *Region*: ${escape(model.region)}. The model is a folder there, so it runs only there.`;
    return section(only, 'region.locked');
  }
  const usable = regions.filter(({ reachable }) => reachable);
  if (usable.length === 0) return section(':warning: *Regions*: none is reachable now.', 'region.none');
  const options = usable.slice(0, optionsAtMost).map((region) => ({
    text: plain(`${shorten(region.name, 40)}${freeIn(region)}`, 75),
    value: region.name,
  }));
  const chosen = options.filter(({ value }) => choices.regions?.includes(value));
  return input(
    'regions',
    {
      type: 'multi_static_select',
      action_id: 'field',
      placeholder: plain('The best one, by free accelerators, cache and price', 150),
      options,
      ...(chosen.length > 0 ? { initial_options: chosen } : {}),
    },
    { hint: 'Empty: EcoLink chooses. With two, it survives the loss of one.' },
  );
}

function freeIn({ accelerators }: Region): string {
  const first = accelerators.find(({ free }) => free !== null && free > 0);
  return first === undefined ? '' : ` · ${first.free} ${shorten(first.name, 20)} free`;
}

const counts = [1, 2, 4, 8];

/** The accelerators that hold the model, with what they cost and how many are free. Others can be chosen too. */
function acceleratorInput({ choices }: LaunchForm, { fits, regions, model }: LaunchFacts): KnownBlock {
  const holding = distinct(fits.map(fitOption));
  const known = new Set(holding.map(({ value }) => value));
  const kinds = [...new Set(regions.flatMap(({ accelerators }) => accelerators.map(({ name }) => name)))];
  const others = kinds.flatMap((kind) =>
    counts.map((count) => ({ text: plain(`${count} × ${shorten(kind, 40)}`, 75), value: `${kind}:${count}` })),
  );
  const chosen = choices.accelerators;
  if (chosen !== undefined && ![...holding, ...others].some(({ value }) => value === chosen)) {
    const [kind = '', count = '1'] = chosen.split(':');
    others.unshift({ text: plain(`${count} × ${kind}`, 75), value: chosen });
  }
  const rest = others.filter(({ value }) => !known.has(value)).slice(0, optionsAtMost);
  const held = holding.slice(0, optionsAtMost);
  if (held.length + rest.length === 0) {
    return note('*Accelerators*: no region has any. The model runs on the processor.', 'accelerators.none');
  }
  const all = [...held, ...rest];
  const initial = all.find(({ value }) => value === chosen);
  const menu =
    held.length > 0 && rest.length > 0
      ? {
          option_groups: [
            { label: plain('Hold the model', 75), options: held },
            { label: plain('Others', 75), options: rest },
          ],
        }
      : { options: all };
  return input(
    'accelerators',
    {
      type: 'static_select',
      action_id: 'field',
      placeholder: plain('The smallest that holds the model', 150),
      ...menu,
      ...(initial ? { initial_option: initial } : {}),
    },
    {
      label: 'Accelerators for each replica',
      hint: model && fits.length === 0 ? 'EcoLink cannot tell which ones hold this model.' : 'Empty: EcoLink chooses.',
    },
  );
}

function fitOption({ accelerator, count, context_length: context, free, cost_per_hour: cost }: Fit): PlainTextOption {
  const facts = [
    `${count} × ${shorten(accelerator, 24)}`,
    `${tokens(context)} tokens`,
    ...(free === null ? [] : [`${free} free`]),
    ...(cost === null ? [] : [`${cost}/h`]),
  ];
  return { text: plain(facts.join(' · '), 75), value: `${accelerator}:${count}` };
}

function distinct(options: PlainTextOption[]): PlainTextOption[] {
  return options.filter(({ value }, index) => options.findIndex((each) => each.value === value) === index);
}

const durations: readonly (readonly [string, string])[] = [
  ['1h', '1 hour'],
  ['4h', '4 hours'],
  ['8h', '8 hours'],
  ['1d', '1 day'],
  ['2d', '2 days'],
  ['7d', '7 days'],
  ['30d', '30 days'],
];

function stopInput({ choices: { stop_after: chosen }, wanted }: LaunchForm): KnownBlock {
  const known = durations.map(([value, words]) => ({ text: plain(words, 75), value }));
  const own =
    chosen === undefined || durations.some(([value]) => value === chosen)
      ? []
      : [{ text: plain(chosen, 75), value: chosen }];
  const options = [...own, ...known];
  const initial = options.find(({ value }) => value === chosen);
  const needed = wanted.includes('stop_after');
  return input(
    'stop_after',
    {
      type: 'static_select',
      action_id: 'field',
      placeholder: plain(needed ? 'Choose an end' : 'It runs until somebody stops it', 150),
      options,
      ...(initial ? { initial_option: initial } : {}),
    },
    {
      optional: !needed,
      hint: needed ? 'The policy wants an end for this launch.' : 'Stops by itself after this time.',
    },
  );
}

/** Longer ones do not fit into the state of the form, next to the other fields. */
const longestReason = 300;

function reasonInput({ choices: { reason }, wanted }: LaunchForm): KnownBlock {
  const needed = wanted.includes('reason');
  return input(
    'reason',
    {
      type: 'plain_text_input',
      action_id: 'field',
      multiline: false,
      max_length: longestReason,
      placeholder: plain('demo on Friday', 150),
      ...(reason === undefined ? {} : { initial_value: reason.slice(0, longestReason) }),
    },
    {
      optional: !needed,
      hint: needed ? 'The policy wants a reason. Approvers read it.' : 'For approvers and the record.',
    },
  );
}

function privateInput({ choices }: LaunchForm): KnownBlock {
  const yes = { text: plain('Only I and admins see and call it', 75), value: 'true' };
  return input(
    'private',
    {
      type: 'checkboxes',
      action_id: 'field',
      options: [yes],
      ...(choices.private ? { initial_options: [yes] } : {}),
    },
    { hint: 'What is private is never shown in a channel.' },
  );
}

function cardInputs({ channel, direct }: LaunchForm): KnownBlock[] {
  if (channel === undefined) return [];
  const here = { text: plain('Here, for everybody in this channel', 75), value: 'here' };
  const alone = { text: plain('In a direct message to me', 75), value: directValue };
  return [
    {
      type: 'input',
      block_id: cardBlock,
      label: plain('Follow it', 2000),
      element: {
        type: 'radio_buttons',
        action_id: 'field',
        options: [here, alone],
        initial_option: direct ? alone : here,
      },
    },
  ];
}

function elsewhereInput({ elsewhere }: LaunchForm): KnownBlock {
  return {
    type: 'input',
    block_id: elsewhereBlock,
    label: plain('Follow it in another channel', 2000),
    optional: true,
    element: {
      type: 'conversations_select',
      action_id: 'field',
      placeholder: plain('No other channel', 150),
      filter: { include: ['public', 'private'], exclude_bot_users: true },
      ...(elsewhere === undefined ? {} : { initial_conversation: elsewhere }),
    },
  };
}

function moreInputs(form: LaunchForm, { regions }: LaunchFacts): KnownBlock[] {
  const { choices } = form;
  const runtimes = [...new Set(regions.flatMap((region) => region.runtimes))].slice(0, optionsAtMost);
  const options = runtimes.map((value) => ({ text: plain(value, 75), value }));
  const initial = options.find(({ value }) => value === choices.runtime);
  return [
    ...(options.length === 0
      ? []
      : [
          input('runtime', {
            type: 'static_select',
            action_id: 'field',
            placeholder: plain('EcoLink chooses', 150),
            options,
            ...(initial ? { initial_option: initial } : {}),
          }),
        ]),
    input('context_length', {
      type: 'number_input',
      action_id: 'field',
      is_decimal_allowed: false,
      ...(choices.context_length === undefined ? {} : { initial_value: choices.context_length }),
    }),
    input(
      'arguments',
      {
        type: 'plain_text_input',
        action_id: 'field',
        multiline: true,
        max_length: 1500,
        placeholder: plain('--enforce-eager', 150),
        ...(choices.arguments?.length ? { initial_value: choices.arguments.join('\n').slice(0, 1500) } : {}),
      },
      { hint: 'More arguments for the engine, one per line. Approvers see each.' },
    ),
    elsewhereInput(form),
  ];
}
