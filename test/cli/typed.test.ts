import { Command } from 'commander';
import { expect, test } from 'vitest';
import { errorText } from '../../src/cli/failure.ts';
import { commandName } from '../../src/cli/names.ts';
import { operationCommand } from '../../src/cli/operation-command.ts';
import { EcolinkError } from '../../src/core/base/errors.ts';
import { findOperation } from '../../src/core/operations/catalogue.ts';
import { parseInput } from '../../src/core/operation/parse-input.ts';

test('the source is inferred from a flag that goes with one source only', async () => {
  expect(await typed('check_model', '--repo', 'a/b')).toEqual({ source: 'huggingface', repo: 'a/b' });
  expect(await typed('check_model', '--filesystem', 'fs', '--subfolder', 's')).toMatchObject({ source: 'filesystem' });
});

test('nothing is inferred against what was said, or from flags that contradict each other', async () => {
  expect(await typed('check_model', '--source', 'filesystem', '--repo', 'a/b')).toMatchObject({ source: 'filesystem' });
  expect(await typed('check_model', '--repo', 'a/b', '--filesystem', 'fs')).not.toHaveProperty('source');
});

test('flags that contradict each other are both named, rather than the one that was not typed', async () => {
  const operation = findOperation('check_model');
  const input = await typed('check_model', '--repo', 'a/b', '--subfolder', 'c');
  expect(errorText(refusal(input as object, 'check_model'), operation)).toMatch(
    /^error\[fields_contradict\]: --repo is only valid with --source:? "?huggingface"?, and --subfolder is only valid with \S*source"?:? "?filesystem"?\. They exclude each other\.\nnext: Leave out --repo or --subfolder\.$/,
  );
  expect(refusal({ repo: 'a/b' }, 'check_model')).toMatchObject({ code: 'field_missing', field: 'source' });
});

test('numbers, repeated flags and both sides of a boolean arrive as the operation wants them', async () => {
  const input = await typed(
    'launch_instance',
    'm',
    '--replicas',
    '2',
    '--regions',
    'eu',
    '--regions',
    'us',
    '--private',
  );
  expect(input).toEqual({ model: 'm', replicas: 2, regions: ['eu', 'us'], private: true });
  expect(await typed('pin_cache', '--model', 'm', '--no-pinned')).toEqual({ model: 'm', pinned: false });
  expect(await typed('launch_instance', 'm', '--arguments', '--enforce-eager')).toEqual({
    model: 'm',
    arguments: ['--enforce-eager'],
  });
});

test('what needs no flag may have one, but not both', async () => {
  expect(await typed('get_model', '--model', 'm')).toEqual({ model: 'm' });
  await expect(typed('get_model', 'm', '--model', 'm')).rejects.toMatchObject({ code: 'given_twice' });
});

test('a word where a number belongs is refused in words', async () => {
  const error = await typed('launch_instance', 'm', '--replicas', 'two').catch((thrown: unknown) => thrown);
  expect(errorText(error as EcolinkError)).toBe(
    'error[bad_field]: --replicas takes a number, not "two".\nnext: Write it in digits, for example 1.',
  );
  await expect(typed('launch_instance', 'm', '--replicas', '')).rejects.toMatchObject({ code: 'bad_field' });
});

test("core's errors name fields the way they are typed, and leave values alone that are spelled alike", () => {
  const operation = findOperation('register_model');
  const error = refusal({ name: 'm', source: 'huggingface', repo: 'a/b', filesystem: 'filesystem' });
  expect(errorText(error, operation)).toMatch(
    /^error\[field_not_applicable\]: --filesystem is only valid with --source:? "?filesystem"?\.\nnext: Leave --filesystem out, or give --source:? "?filesystem"?\.$/,
  );
  expect(errorText(refusal({ source: 'huggingface', repo: 'a/b' }), operation)).toContain('<name> is missing');
});

test('an error never carries escapes to the terminal', () => {
  const text = errorText(new EcolinkError('input', 'bad', 'a\u001B[31mb', { nextStep: 'c\u0007d' }));
  expect(text).toBe('error[bad]: ab\nnext: cd');
});

async function typed(name: string, ...words: string[]): Promise<unknown> {
  const operation = findOperation(name);
  if (!operation) throw new Error(`no operation ${name}`);
  let input: unknown;
  const command = operationCommand(operation, new Command(commandName(name)), async (request) => {
    input = request.input;
  });
  await command.parseAsync(words, { from: 'user' });
  return input;
}

function refusal(input: object, name = 'register_model'): EcolinkError {
  const operation = findOperation(name);
  try {
    if (operation) parseInput(operation, input);
  } catch (thrown) {
    return thrown as EcolinkError;
  }
  throw new Error('the input was accepted');
}
