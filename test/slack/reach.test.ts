import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/base/caller.ts';
import { run } from '../../src/core/base/prose.ts';
import type { OperationArgument } from '../../src/core/base/prose.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import type { Operation } from '../../src/core/operation/operation.ts';
import { catalogue, findOperation } from '../../src/core/operations/catalogue.ts';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { coveredBy, subcommands } from '../../src/slack/blocks/command-text.ts';
import { commandName, slackWords } from '../../src/slack/blocks/speaker.ts';
import { patient, withoutLocalSlack } from '../support/local-slack.ts';
import type { PostedMessage } from '../support/local-slack.ts';
import { asking, config } from './asking.ts';
import type { Place } from './place.ts';

const inSlack = catalogue.filter(({ frontEnds }) => frontEnds.includes('slack'));
const withVerb = catalogue.filter(({ slack }) => slack && 'verb' in slack);
const confirmed = withVerb.filter(({ slack }) => slack && 'confirm' in slack && slack.confirm);
const steps = withVerb.filter(({ slack }) => slack && 'step' in slack && slack.step);
const forms = withVerb.filter(({ slack }) => slack && 'form' in slack && slack.form);
/** The verb alone runs them. */
const atOnce = withVerb.filter((operation) => ![...forms, ...confirmed, ...steps].includes(operation));
const withButton = catalogue.flatMap((operation) => {
  const { slack } = operation;
  return slack && 'button' in slack ? [{ name: operation.name, button: slack.button }] : [];
});

/** Operations whose button is on the card of an instance. The others are on requests. */
const onCards = new Set(['get_instance_logs', 'restart_instance', 'stop_instance']);

/** The lists that the menus of forms ask for. */
const menus = new Set(
  forms
    .flatMap(inputFields)
    .filter(({ advanced }) => !advanced)
    .flatMap(({ choices }) => choices?.operation ?? []),
);

test('an operation says how Slack reaches it if, and only if, Slack has it', () => {
  expect(catalogue.filter(({ slack }) => slack !== undefined).map(({ name }) => name)).toEqual(
    inSlack.map(({ name }) => name),
  );
});

test('each subcommand but four reaches operations, and each operation with a verb has a subcommand', () => {
  const without = subcommands.filter(({ name }) => coveredBy(name).length === 0).map(({ name }) => name);
  expect(without).toEqual(['token', 'doctor', 'claim', 'help']);
  const covered = subcommands.flatMap(({ name }) => coveredBy(name));
  expect(new Set(covered)).toEqual(new Set(withVerb));
});

test('a typed line alone runs nothing that changes or removes something, but what is undone by typing it again', () => {
  const changing = atOnce.filter(({ effect }) => effect !== 'read').map(({ name }) => name);
  expect(changing).toEqual(['set_role', 'delete_credential']);
});

test('each step belongs to a verb that opens a form', () => {
  for (const { slack } of steps)
    expect(forms.map((form) => form.slack)).toContainEqual({
      verb: slack && 'verb' in slack && slack.verb,
      form: true,
    });
});

test('the menus of forms come from operations that Slack has, and each operation for menus is in one', () => {
  for (const name of menus)
    expect([name, findOperation(name)?.frontEnds]).toEqual([name, expect.arrayContaining(['slack'])]);
  const forMenus = catalogue.filter(({ slack }) => slack && 'menu' in slack).map(({ name }) => name);
  expect(forMenus.filter((name) => !menus.has(name))).toEqual([]);
});

test('the source runs operations that Slack has, and no others', () => {
  const root = fileURLToPath(new URL('../../src/slack', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const calls = files.flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    return [...source.matchAll(/\bexecute\(\s*([^,\s]+),/g)].map(([, argument = '']) => argument);
  });
  const names = calls.filter((argument) => argument.startsWith("'")).map((argument) => argument.slice(1, -1));
  expect(names.filter((name) => !inSlack.some((operation) => operation.name === name))).toEqual([]);
  // A menu's list, a form's operation, what a button confirms, and the decision of a form with a reason: other tests hold those.
  const computed = calls.filter((argument) => !argument.startsWith("'")).toSorted();
  expect(computed).toEqual(['choices.operation', 'name', 'nameOf(action)', 'operation', 'operation.name']);
});

describe.skipIf(withoutLocalSlack)('in a workspace', () => {
  const called = new Set<string>();
  let place: Place;
  let app: Slack;
  let mel: Caller;
  let root: Caller;

  beforeAll(async () => {
    const admin = { ...config, people: config.people.map((person) => ({ ...person, role: 'admin' })) };
    ({ place, mel, root } = await asking({ config: admin, reconcile: true }));
    place.core.observe((operation) => called.add(operation));
    app = await startSlack(place.core);
  });
  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    place.slack.closeView();
    called.clear();
  });

  /** The command that Slack's texts name for the operation's first example. */
  function commandFor({ name, examples: [example = {}] }: Operation): string {
    const input = Object.entries(example).map(([field, value]): [string, OperationArgument] => [field, String(value)]);
    return slackWords([run(name, Object.fromEntries(input))]);
  }

  test.each(atOnce.map((operation) => ({ operation })))(
    '$operation.name runs when somebody types the command that texts name',
    async ({ operation }) => {
      const command = commandFor(operation);
      expect(command.startsWith(`${commandName} `)).toBe(true);
      await place.slack.type(command);
      await expect.poll(() => [...called], patient).toContain(operation.name);
    },
  );

  test.each(forms.map((operation) => ({ operation })))(
    '$operation.name has a form that the command opens',
    async ({ operation }) => {
      await place.slack.type(commandFor(operation));
      await expect.poll(() => place.slack.view?.callback_id, patient).toBe(`form.${operation.name}`);
      await expect.poll(() => place.slack.view?.submit, patient).toBeDefined();
    },
  );

  async function newRequest(): Promise<PostedMessage> {
    const { approval } = await place.core.execute('launch_instance', { model: 'tiny' }, mel);
    const start = `Request ${approval?.id} of mel`;
    const find = async () => (await place.slack.messages()).find(({ text }) => text.startsWith(start));
    await expect.poll(find, patient).toBeDefined();
    return (await find()) ?? expect.fail('There is no message');
  }

  /** The card of a launch that was approved. */
  async function newCard(): Promise<PostedMessage> {
    const { approval } = await place.core.execute('launch_instance', { model: 'tiny' }, mel);
    await place.core.execute('approve_request', { approval: String(approval?.id) }, root);
    const ended = { state: 'done' };
    const read = () => place.core.execute('get_approval', { approval: String(approval?.id) }, root);
    await expect.poll(read, patient).toMatchObject(ended);
    const { model_id: name } = await read();
    const find = async () => (await place.slack.messages()).find(({ text }) => text.startsWith(`${name} is`));
    await expect.poll(find, patient).toBeDefined();
    return (await find()) ?? expect.fail('There is no card');
  }

  /** The id of the button with these words. */
  function actionOf({ blocks = [] }: PostedMessage, words: string): string {
    const elements = blocks.flatMap((block) => (block.type === 'actions' ? block.elements : []));
    const found = elements.find((element) => element.type === 'button' && element.text.text === words);
    return found?.action_id ?? expect.fail(`no button "${words}"`);
  }

  test.each(withButton)('$name runs after a click on "$button"', async ({ name, button }) => {
    const message = onCards.has(name) ? await newCard() : await newRequest();
    await place.slack.click(message, actionOf(message, button));
    const asks = () => place.slack.view?.callback_id === 'approval.reason' || called.has(name);
    await expect.poll(asks, patient).toBe(true);
    if (!called.has(name)) place.slack.submit({ reason: { field: { value: 'no budget' } } });
    await expect.poll(() => [...called], patient).toContain(name);
  });
});
