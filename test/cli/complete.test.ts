import { expect, test } from 'vitest';
import { complete } from '../../src/cli/complete.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { silentTerminal } from './support/terminal.ts';

test('commands complete, and so do the commands inside one', async () => {
  expect(await values('register')).toEqual(['register-model']);
  expect(await values('token', '')).toEqual(['create', 'list', 'revoke']);
});

test('flags complete, except hidden ones', async () => {
  expect(await values('launch-instance', 'm', '--re')).toEqual(['--regions', '--replicas', '--reason']);
  expect(await values('get-model', '--m')).toEqual([]);
});

test('the values of an enum complete after a blank and after an equals sign', async () => {
  expect(await values('check-model', '--source', '')).toEqual(['huggingface', 'filesystem']);
  expect(await values('check-model', '--source=f')).toEqual(['--source=filesystem']);
});

test('values come from the list operation in the hints of the field', async () => {
  expect(await values('get-model', '')).toEqual(['list_models.name']);
  expect(await values('stop-instance', '')).toEqual(['list_instances.id']);
  expect(await values('launch-instance', 'm', '--regions', '')).toEqual(['list_regions.name']);
  expect(await values('launch-instance', '--replicas', '2', '')).toEqual(['list_models.name']);
  expect(await values('get-model', 'm', '')).toEqual([]);
});

async function values(...words: string[]): Promise<string[]> {
  const found = await complete(buildProgram(silentTerminal()), words, async ({ operation, value }) => [
    { value: `${operation}.${value}`, about: '' },
  ]);
  return found.map((candidate) => candidate.value);
}
