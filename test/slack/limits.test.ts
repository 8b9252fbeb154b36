import type { HomeView, KnownBlock, ModalView } from '@slack/types';
import { describe, expect, test } from 'vitest';
import { roles } from '../../src/core/base/caller.ts';
import { operations } from '../../src/core/operations/catalogue.ts';
import { confirmMessage, runButton, typedView } from '../../src/slack/blocks/action-blocks.ts';
import { helpMessage } from '../../src/slack/blocks/command-text.ts';
import { logsMessage } from '../../src/slack/blocks/log-blocks.ts';
import { modelMessage, modelsMessage } from '../../src/slack/blocks/model-blocks.ts';
import { cacheMessage, regionsMessage } from '../../src/slack/blocks/region-blocks.ts';
import { accessMessage } from '../../src/slack/commands/ask-access.ts';
import { newForm } from '../../src/slack/forms/form.ts';
import { doneView, formView } from '../../src/slack/forms/form-view.ts';
import { checkedBlocks } from '../../src/slack/forms/register-extras.ts';
import { homeView } from '../../src/slack/home/home-view.ts';
import { newLaunchForm } from '../../src/slack/launch/launch-form.ts';
import { launchView } from '../../src/slack/launch/launch-view.ts';
import { planLoadingView, planView } from '../../src/slack/launch/plan-view.ts';
import * as sample from '../../scripts/pictures/samples.ts';
import { breachesOfHome, breachesOfMessage, breachesOfModal } from '../support/slack-limits.ts';

const x = (length: number): string => 'x'.repeat(length);
const text = (length: number) => ({ type: 'plain_text', text: x(length) });
const button = (more: object = {}) => ({ type: 'button', action_id: 'a', text: text(5), ...more });
const input = (element: object) => ({ type: 'input', label: text(5), element });
const option = (more: object = {}) => ({ text: text(5), value: 'v', ...more });
const select = (more: object) => input({ type: 'static_select', action_id: 'a', options: [option()], ...more });
const confirm = (more: object) =>
  button({ confirm: { title: text(5), text: text(5), confirm: text(5), deny: text(5), ...more } });
const inActions = (element: object) => ({ type: 'actions', elements: [element] });
const modal = (blocks: object[], more: object = {}) =>
  ({ type: 'modal', title: text(5), submit: text(5), blocks, ...more }) as ModalView;

describe('the checker sees a view that is over', () => {
  test.each<[string, object, string]>([
    ['text of a section', { type: 'section', text: text(3001) }, 'section length'],
    ['empty section', { type: 'section' }, 'section without text'],
    ['fields of a section', { type: 'section', fields: Array.from({ length: 11 }, () => text(1)) }, 'fields: 11'],
    ['text of a field', { type: 'section', fields: [text(2001)] }, 'field length'],
    ['header', { type: 'header', text: text(151) }, 'header length'],
    [
      'elements of a context',
      { type: 'context', elements: Array.from({ length: 11 }, () => text(1)) },
      'context elements',
    ],
    ['text of a context', { type: 'context', elements: [text(3001)] }, 'context length'],
    [
      'buttons of a row',
      { type: 'actions', elements: Array.from({ length: 26 }, (_, index) => button({ action_id: `${index}` })) },
      'actions: 26',
    ],
    ['an action_id twice in a row', { type: 'actions', elements: [button(), button()] }, 'action_id a twice'],
    ['text of a button', inActions(button({ text: text(76) })), 'button length'],
    ['value of a button', inActions(button({ value: x(2001) })), 'button value length'],
    ['action_id', inActions(button({ action_id: x(256) })), 'action_id length'],
    ['title of a dialog', inActions(confirm({ title: text(101) })), 'confirm title length'],
    ['text of a dialog', inActions(confirm({ text: text(301) })), 'confirm text length'],
    ['button of a dialog', inActions(confirm({ confirm: text(31) })), 'confirm button length'],
    ['other button of a dialog', inActions(confirm({ deny: text(31) })), 'deny button length'],
    ['block_id', { type: 'divider', block_id: x(256) }, 'block_id length'],
    ['label', { ...select({}), label: text(2001) }, 'label length'],
    ['hint', { ...select({}), hint: text(2001) }, 'hint length'],
    ['placeholder', select({ placeholder: text(151) }), 'placeholder length'],
    ['options', select({ options: Array.from({ length: 101 }, () => option()) }), 'options: 101'],
    ['no option', select({ options: [] }), 'options: 0'],
    ['text of an option', select({ options: [option({ text: text(76) })] }), 'option length'],
    ['value of an option', select({ options: [option({ value: x(151) })] }), 'option value length'],
    ['description of an option', select({ options: [option({ description: text(76) })] }), 'option description length'],
    ['an initial option of no menu', select({ initial_option: option({ value: 'w' }) }), 'none of the options'],
    [
      'groups of options',
      select({
        options: undefined,
        option_groups: Array.from({ length: 101 }, () => ({ label: text(1), options: [option()] })),
      }),
      'option groups: 101',
    ],
    [
      'label of a group',
      select({ options: undefined, option_groups: [{ label: text(76), options: [option()] }] }),
      'group label length',
    ],
    [
      'checkboxes',
      input({ type: 'checkboxes', action_id: 'a', options: Array.from({ length: 11 }, () => option()) }),
      'options: 11',
    ],
    ['number input', input({ type: 'number_input', action_id: 'a' }), 'without is_decimal_allowed'],
    ['max_length', input({ type: 'plain_text_input', action_id: 'a', max_length: 3001 }), 'max_length: 3001'],
    [
      'value of a text input',
      input({ type: 'plain_text_input', action_id: 'a', max_length: 5, initial_value: x(6) }),
      'initial_value length',
    ],
    ['unknown block', { type: 'video' }, 'does not know'],
  ])('%s', (_name, block, breach) => {
    expect(breachesOfModal(modal([block])).join('\n')).toContain(breach);
  });

  test.each<[string, object, string]>([
    ['title', { title: text(25) }, 'title length'],
    ['submit', { submit: text(25) }, 'submit length'],
    ['close', { close: text(25) }, 'close length'],
    ['callback_id', { callback_id: x(256) }, 'callback_id length'],
    ['external_id', { external_id: x(256) }, 'external_id length'],
    ['private_metadata', { private_metadata: x(3001) }, 'private_metadata length'],
    ['inputs without a button', { blocks: [select({})], submit: undefined }, 'inputs without submit'],
    ['blocks', { blocks: Array.from({ length: 101 }, () => ({ type: 'divider' })) }, 'blocks: 101'],
    ['a block_id twice', { blocks: [1, 2].map(() => ({ type: 'divider', block_id: 'b' })) }, 'block_id b twice'],
  ])('modal: %s', (_name, more, breach) => {
    expect(breachesOfModal(modal([], more)).join('\n')).toContain(breach);
  });

  test('message and home', () => {
    const dividers = (length: number) => Array.from({ length }, (): KnownBlock => ({ type: 'divider' }));
    expect(breachesOfMessage({ text: 'x', blocks: dividers(51) }).join()).toContain('blocks: 51');
    expect(breachesOfMessage({ text: x(4001), blocks: [] }).join()).toContain('text length');
    expect(breachesOfMessage({ text: '', blocks: [] }).join()).toContain('text length');
    const long: KnownBlock[] = Array.from({ length: 5 }, () => ({
      type: 'section',
      text: { type: 'mrkdwn', text: x(2900) },
    }));
    expect(breachesOfMessage({ text: 'x', blocks: long }).join()).toContain('characters in blocks');
    const home = (blocks: KnownBlock[]): HomeView => ({ type: 'home', blocks });
    expect(breachesOfHome(home(dividers(101))).join()).toContain('blocks: 101');
    expect(breachesOfHome({ ...home([]), private_metadata: x(3001) }).join()).toContain('private_metadata');
  });
});

/** Emoji, right-to-left text, mentions and marks, at any length. */
const loud = (length: number): string =>
  '<!channel> & 👩‍👩‍👧‍👦 שלום *b* `c` "q" '.repeat(Math.ceil(length / 30)).slice(0, length);
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const regions = many(50, (index) => ({
  ...(sample.regions[0] ?? expect.fail('no region')),
  name: `${index}${loud(100)}`,
  runtimes: many(20, (each) => `${each}${loud(60)}`),
  accelerators: many(10, (each) => ({ name: `${each}${loud(80)}`, total: 1e6, free: 1e6, price_per_hour: 12.345678 })),
}));
const models = many(100, (index) => ({
  ...(sample.models[0] ?? expect.fail('no model')),
  name: `${index}${x(44)}`,
  origin: loud(500),
  owner: loud(200),
}));
const model = {
  ...sample.model,
  name: x(48),
  origin: loud(900),
  owner: loud(300),
  licence: loud(300),
  warnings: many(50, () => loud(900)),
  instances: many(200, (id) => ({ id, state: 'downloading' as const })),
};
const fits = many(200, (index) => ({
  ...(sample.plan.fits[0] ?? expect.fail('no fit')),
  accelerator: `${index}${loud(100)}`,
  cost_per_hour: 1234.5678,
}));
const plan = {
  ...sample.plan,
  model: x(48),
  fits,
  regions: many(50, (index) => ({
    ...(sample.plan.regions[0] ?? expect.fail('no region')),
    region: `${index}${loud(100)}`,
    runtime: loud(100),
    accelerator: loud(100),
  })),
  warnings: many(40, () => loud(2000)),
  changes: many(40, () => loud(2000)),
  digest: x(100),
};
const people = many(124, (index) => `${index} ${loud(100)}`);
const choices = {
  model: x(48),
  regions: many(20, (index) => `${index}${loud(60)}`),
  accelerators: `${loud(90)}:64`,
  replicas: '100',
  stop_after: '1000000d',
  reason: loud(500),
  private: true,
  runtime: loud(100),
  context_length: '10000000',
  arguments: many(100, () => loud(500)),
};

describe('every view stays inside the limits with the most that it can be given', () => {
  test('launch form and plan', () => {
    const facts = { regions, anyModel: true, model: { name: x(48), category: 'chat', bytes: 1e15 }, fits };
    const form = {
      ...newLaunchForm(
        'C1',
        choices,
        many(100, () => loud(100)),
      ),
      more: true,
      wanted: ['reason' as const],
    };
    expect(breachesOfModal(launchView(form, facts))).toEqual([]);
    expect(breachesOfModal(launchView(form, { ...facts, model: { ...facts.model, region: loud(100) } }))).toEqual([]);
    expect(
      breachesOfModal(launchView(newLaunchForm(undefined, {}, []), { regions: [], anyModel: false, fits: [] })),
    ).toEqual([]);
    const running = many(20, (id) => ({ model_id: `${x(48)}:${id}`, state: 'downloading', regions: people }));
    const approval = { approvers: people, quorum: 20, rule: loud(500) };
    const planForm = { ...newLaunchForm('C1', { ...choices, arguments: [], regions: [] }, []), root: true };
    expect(breachesOfModal(planView(planForm, { plan, running, approval }, true))).toEqual([]);
    expect(breachesOfModal(planLoadingView(planForm, x(40)))).toEqual([]);
  });

  test('register form, with what a check found', () => {
    const found = checkedBlocks({
      ...sample.checked,
      repo: loud(500),
      licence: loud(500),
      category_reason: loud(900),
      fits,
      warnings: many(40, () => loud(2000)),
      entries: many(100, () => ({ name: x(48), commit: x(40), moved: true })),
    });
    const register = operations.register_model;
    for (const source of ['huggingface', 'filesystem']) {
      const form = newForm(register, 'C1', {
        name: loud(100),
        source,
        repo: loud(500),
        filesystem: 'f1',
        subfolder: loud(500),
      });
      const menu = many(100, (index) => ({ value: `f${index}`, label: loud(100), about: loud(200) }));
      expect(breachesOfModal(formView(register, form, { filesystem: menu, credential: menu }, { found }))).toEqual([]);
    }
    const card = modelMessage(model, { mayLaunch: true, mayDelete: true }).blocks;
    expect(
      breachesOfModal(doneView(register, { model: x(48), state: 'registered', next_step: loud(900) }, card)),
    ).toEqual([]);
  });

  test('answers to commands', () => {
    const messages = [
      ...roles.map(helpMessage),
      modelsMessage(models.slice(0, 20), { mayLaunch: true, more: true, query: loud(100) }),
      modelsMessage([], { mayLaunch: true, more: false, query: loud(100) }),
      modelMessage(model, { mayLaunch: true, mayDelete: true }),
      regionsMessage(regions),
      regionsMessage([]),
      cacheMessage(
        many(40, (index) => ({
          ...(sample.volumes[1] ?? expect.fail('no volume')),
          volume: `v-${index}${x(80)}`,
          repo: loud(300),
          region: loud(100),
        })),
        { mayEvict: true, more: true, key: x(30) },
      ),
      logsMessage({ instance: 3, logs: many(20, () => ({ region: loud(100), lines: many(1000, () => loud(500)) })) }),
      accessMessage({ identity: `slack:T${x(12)}/U${x(12)}`, name: loud(100) }, { team: 'T1', user: 'U1' }),
      confirmMessage(
        loud(900),
        [loud(900)],
        runButton(
          { operation: 'stop_instance', input: { instance: '3' }, key: x(40) },
          { verb: 'Stop', effect: loud(900), danger: true },
        ),
      ),
    ];
    for (const message of messages) expect(breachesOfMessage(message)).toEqual([]);
  });

  test('the form that asks for a name, and App Home', () => {
    const action = { operation: 'delete_model', input: { model: x(48) }, key: x(40), expected: x(48) };
    const ask = { title: loud(40), verb: loud(40), lines: many(30, () => loud(90)), label: loud(300), reason: true };
    expect(breachesOfModal(typedView(action, ask))).toEqual([]);
    const approvals = many(100, (id) => ({
      ...sample.approval,
      id,
      requester: loud(200),
      summary: many(40, () => loud(900)),
      approvers: people,
    }));
    const instances = many(17, (id) => ({
      ...(sample.instances[0] ?? expect.fail('no instance')),
      id,
      model_id: `${x(48)}:${id}`,
      regions: many(50, (index) => ({
        region: `${index}${loud(100)}`,
        state: 'running' as const,
        replicas: 1,
        ready: 1,
        restarts: 0,
      })),
    }));
    const home = homeView({
      role: 'admin',
      at: new Date(0),
      notice: loud(2000),
      waiting: approvals,
      mine: { items: instances, next: x(200), first: false },
      models: { items: models.slice(0, 10), next: x(200), first: false },
      decided: approvals,
      key: x(40),
    });
    expect(breachesOfHome(home)).toEqual([]);
  });
});

test('text of others is escaped in every view: nobody is pinged, and no mark ends early', () => {
  const views = [
    modelMessage(model, { mayLaunch: true, mayDelete: true }).blocks,
    modelsMessage(models.slice(0, 5), { mayLaunch: true, more: false, query: '' }).blocks,
    regionsMessage(regions).blocks,
    planView(newLaunchForm('C1', { model: 'm' }, [loud(50)]), {
      plan,
      running: [],
      approval: { approvers: people, quorum: 1, rule: loud(100) },
    }).blocks,
  ];
  const marked: string[] = [];
  JSON.stringify(views, (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'mrkdwn' && 'text' in value)
      marked.push(String(value.text));
    return value;
  });
  expect(marked.length).toBeGreaterThan(20);
  expect(marked.filter((each) => each.includes('<!channel>'))).toEqual([]);
});
