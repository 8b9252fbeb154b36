import { describe, expect, test } from 'vitest';
import { fieldRef, run, task, tasks } from '../../src/core/base/prose.ts';
import type { OperationArgument, Prose } from '../../src/core/base/prose.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import { catalogue, findOperation } from '../../src/core/operations/catalogue.ts';
import { slackMarkup, slackWords } from '../../src/slack/blocks/speaker.ts';

/** What belongs to another front end: a command of the terminal, the name of an operation. */
function foreignWords(text: string): string[] {
  const names = catalogue.flatMap(({ name }) => [name, name.replaceAll('_', '-')]);
  return [
    ...names.filter((name) => text.includes(name)),
    ...[...text.matchAll(/(?<!\/)\becolink |[a-z]+_[a-z_]+/g)].map(([found]) => found),
  ];
}

const inBothWays = (text: Prose): string[] => [slackMarkup(text), slackWords(text)];

/** The first example of an operation, as a reference holds it. */
function exampleOf(name: string): Record<string, OperationArgument> {
  const [example = {}] = findOperation(name)?.examples ?? [];
  return Object.fromEntries(Object.entries(example).map(([field, value]) => [field, String(value)]));
}

describe('Slack has words of its own', () => {
  test.each(catalogue.map(({ name }) => name))('for the operation %s', (name) => {
    for (const text of [...inBothWays([run(name)]), ...inBothWays([run(name, exampleOf(name))])])
      expect(foreignWords(text)).toEqual([]);
  });

  test.each(tasks)('for the task %s', (name) => {
    for (const text of [...inBothWays([task(name)]), ...inBothWays([task(name, 'about')])])
      expect(foreignWords(text)).toEqual([]);
  });

  test('for every field of every operation', () => {
    const fields = catalogue.flatMap((operation) => inputFields(operation).map(({ name }) => ({ operation, name })));
    for (const { operation, name } of fields) {
      expect(foreignWords(slackWords([fieldRef(name)], operation))).toEqual([]);
      expect(foreignWords(slackMarkup([fieldRef(name)]))).toEqual([]);
    }
  });

  test('for the hints of its forms', () => {
    const forms = catalogue.filter(({ slack }) => slack && 'form' in slack && slack.form);
    expect(forms.length).toBeGreaterThan(0);
    for (const field of forms.flatMap(inputFields).filter(({ advanced }) => !advanced))
      expect([field.name, foreignWords(slackWords(field.help))]).toEqual([field.name, []]);
  });
});

test('a reference is a command, a button, a title, a label or a request to people', () => {
  expect(slackMarkup([run('get_instance', { instance: 3, wait_seconds: 30 })])).toBe('`/ecolink status 3`');
  expect(slackMarkup([run('delete_credential', { credential: 'mine' })])).toBe('`/ecolink credential delete mine`');
  expect(slackMarkup([run('set_role', { person: 'ada', role: 'member' })])).toBe('`/ecolink role ada member`');
  expect(slackMarkup([run('register_model', { credential: 'mine' })])).toBe('`/ecolink register`');
  expect(slackMarkup([run('approve_request', { approval: 3 })])).toBe('the button "Approve"');
  expect(slackMarkup([run('pin_cache')])).toBe('*Pin cached weights*');
  expect(slackWords([run('pin_cache')])).toBe('"Pin cached weights"');
  expect(slackMarkup([run('plan_launch', { model: 'tiny' })])).toBe('`/ecolink launch tiny`');
  expect(slackMarkup([{ operation: 'of_a_newer_server' }])).toBe('*of a newer server*');
  expect(slackMarkup([fieldRef('regions')])).toBe('*Regions*');
  expect(slackWords([fieldRef('subfolder', 'a/b')])).toBe('"Subfolder" a/b');
  expect(slackMarkup([task('add_credential')])).toBe('`/ecolink credential add &lt;name&gt;`');
  expect(slackMarkup([task('run_doctor')])).toBe('ask whoever runs the server to run the doctor');
});

test('a value can neither end its code nor ping anybody', () => {
  expect(slackMarkup([run('get_instance', { instance: '`<!channel>`' })])).toBe('`/ecolink status ˋ&lt;!channel&gt;ˋ`');
});
