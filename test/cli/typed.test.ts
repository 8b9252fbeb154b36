import { Command } from 'commander';
import { expect, test } from 'vitest';
import { errorText } from '../../src/cli/failure.ts';
import { commandName } from '../../src/cli/names.ts';
import { operationCommand } from '../../src/cli/operation-command.ts';
import { EcolinkError, fail } from '../../src/core/base/errors.ts';
import { fieldRef, run, say, task } from '../../src/core/base/prose.ts';
import { findOperation } from '../../src/core/operations/catalogue.ts';
import { parseInput } from '../../src/core/operation/parse-input.ts';

test('the source is inferred from a flag that belongs to one source', async () => {
  expect(await typed('check_model', '--repo', 'a/b')).toEqual({ source: 'huggingface', repo: 'a/b' });
  expect(await typed('check_model', '--filesystem', 'fs', '--subfolder', 's')).toMatchObject({ source: 'filesystem' });
});

test('nothing is inferred against a typed flag, or from flags that contradict each other', async () => {
  expect(await typed('check_model', '--source', 'filesystem', '--repo', 'a/b')).toMatchObject({ source: 'filesystem' });
  expect(await typed('check_model', '--repo', 'a/b', '--filesystem', 'fs')).not.toHaveProperty('source');
});

test('if flags contradict each other, the error names both, and not the flag that is missing', async () => {
  const operation = findOperation('check_model');
  const input = await typed('check_model', '--repo', 'a/b', '--subfolder', 'c');
  expect(errorText(refusal(input, 'check_model'), operation)).toMatch(
    /^error\[fields_contradict\]: --repo is only valid with .*, and --subfolder is only valid with .*\nnext: Leave out --repo or --subfolder\.$/,
  );
  expect(refusal({ repo: 'a/b' }, 'check_model')).toMatchObject({ code: 'field_missing', field: 'source' });
});

test('numbers, repeated flags and both forms of a boolean become values of the right type', async () => {
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

test('an argument may be given with its flag, but not in both ways', async () => {
  expect(await typed('get_model', '--model', 'm')).toEqual({ model: 'm' });
  await expect(typed('get_model', 'm', '--model', 'm')).rejects.toMatchObject({ code: 'given_twice' });
});

test('a word instead of a number is refused with an example', async () => {
  const error = await typed('launch_instance', 'm', '--replicas', 'two').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EcolinkError);
  expect(error instanceof EcolinkError && errorText(error)).toBe(
    'error[bad_field]: --replicas takes a number, not "two".\nnext: Write it in digits, for example 1.',
  );
  await expect(typed('launch_instance', 'm', '--replicas', '')).rejects.toMatchObject({ code: 'bad_field' });
});

test("core's errors name fields the way they are typed, and leave values alone that are spelled alike", () => {
  const operation = findOperation('register_model');
  const error = refusal({ name: 'm', source: 'huggingface', repo: 'a/b', filesystem: 'filesystem' });
  expect(errorText(error, operation)).toMatch(
    /^error\[field_not_applicable\]: --filesystem is only valid with --source filesystem\.\nnext: Leave --filesystem out, or give --source.*$/,
  );
  expect(errorText(refusal({ source: 'huggingface', repo: 'a/b' }), operation)).toContain('<name> is missing');
});

test('references in an error are commands and flags, and the same error has plain words as JSON', () => {
  const error = fail('bad_field', say`${fieldRef('model')} and ${fieldRef('filesystem', 'a b')} do not fit.`, {
    nextStep: say`${run('get_model', { model: 'm' })} shows more. To have a token: ${task('create_read_token', 'me')}.`,
  });
  expect(errorText(error, findOperation('get_model'))).toBe(
    "error[bad_field]: <model> and --filesystem 'a b' do not fit.\n" +
      'next: ecolink get-model m shows more. To have a token: ecolink token create me --scope read.',
  );
  expect(error.toBody()).toMatchObject({
    message: '"model" and "filesystem": "a b" do not fit.',
    next_step: expect.stringMatching(/^get_model \(model: "m"\) shows more\./),
  });
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
    [input] = request.inputs;
  });
  await command.parseAsync(words, { from: 'user' });
  return input;
}

function refusal(input: unknown, name = 'register_model'): EcolinkError {
  const operation = findOperation(name);
  try {
    if (operation) parseInput(operation, input);
  } catch (thrown) {
    if (thrown instanceof EcolinkError) return thrown;
  }
  throw new Error('the input was accepted');
}
