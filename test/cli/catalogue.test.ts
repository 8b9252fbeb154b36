import { Command } from 'commander';
import { expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { operationGroups } from '../../src/cli/groups.ts';
import { commandLine, commandName, commandOperations } from '../../src/cli/names.ts';
import { operationsPage } from '../../scripts/docs/operations-page.ts';
import { operationCommand } from '../../src/cli/operation-command.ts';
import { waitsFor } from '../../src/cli/wait.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import type { Operation } from '../../src/core/operation/operation.ts';
import { catalogue, findOperation } from '../../src/core/operations/catalogue.ts';
import { parseInput } from '../../src/core/operation/parse-input.ts';
import { silentTerminal } from './support/terminal.ts';

const own = new Set(['json', 'wait', 'help', 'version']);

test('no field has the name of a flag that the command line adds', () => {
  for (const operation of commandOperations()) {
    const names = inputFields(operation).map((field) => field.name);
    expect(names.filter((name) => own.has(name) || name.startsWith('no_'))).toEqual([]);
  }
});

test('a list is never positional, and what must be given comes before what may be', () => {
  for (const operation of commandOperations()) {
    const positionals = inputFields(operation).filter((field) => field.positional);
    expect(positionals.filter((field) => field.type === 'list')).toEqual([]);
    const required = positionals.map((field) => field.required);
    expect(required).toEqual(required.toSorted((a, b) => Number(b) - Number(a)));
  }
});

test('every group and every hint of a value names operations that exist', () => {
  const grouped = Object.values(operationGroups).flat();
  expect(grouped.filter((name) => findOperation(name) === undefined)).toEqual([]);
  for (const { choices } of catalogue.flatMap((operation) => inputFields(operation))) {
    if (choices) expect(findOperation(choices.operation)?.columns).toContain(choices.value);
  }
});

test('what can be waited for is a mutation whose receipt names the instance', () => {
  const waited = catalogue.filter((operation) => waitsFor(operation) !== undefined);
  expect(waited.map((operation) => operation.name)).toEqual([
    'launch_instance',
    'stop_instance',
    'restart_instance',
    'scale_instance',
  ]);
  for (const operation of waited) expect(operation.output.shape).toHaveProperty('instance');
});

test('every operation of the command line has its command, and every other has none', () => {
  const commands = new Set(buildProgram(silentTerminal()).commands.map((command) => command.name()));
  const made = catalogue.filter((operation) => commands.has(commandName(operation.name)));
  expect(made).toEqual(catalogue.filter((operation) => operation.frontEnds.includes('cli')));
});

test('every example is good input, and its command line parses back to it', async () => {
  for (const operation of commandOperations()) {
    for (const example of operation.examples) {
      expect(() => parseInput(operation, example)).not.toThrow();
      expect(await parsedBack(operation, commandLine(operation, example))).toEqual(example);
    }
  }
});

test('the generated page has a section for every operation', () => {
  const page = operationsPage();
  for (const { name } of catalogue) expect(page).toContain(`\n## ${name}\n`);
});

async function parsedBack(operation: Operation, line: string): Promise<unknown> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
  let input: unknown;
  const command = operationCommand(operation, new Command(words[1]), async (request) => void (input = request.input));
  await command.parseAsync(words.slice(2), { from: 'user' });
  return input;
}
