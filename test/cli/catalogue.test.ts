import { Command } from 'commander';
import { expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { commandLine, commandName, commandOperations } from '../../src/cli/names.ts';
import { operationsPage } from '../../scripts/docs/operations-page.ts';
import { operationCommand } from '../../src/cli/operation-command.ts';
import { groups, inputFields } from '../../src/core/operation/operation.ts';
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

test('a list is never positional, and required arguments come before optional ones', () => {
  for (const operation of commandOperations()) {
    const positionals = inputFields(operation).filter((field) => field.positional);
    expect(positionals.filter((field) => field.type === 'list')).toEqual([]);
    const required = positionals.map((field) => field.required);
    expect(required).toEqual(required.toSorted((a, b) => Number(b) - Number(a)));
  }
});

test('help lists every operation under its group, and the groups in their order', () => {
  const { commands } = buildProgram(silentTerminal());
  for (const operation of commandOperations()) {
    const command = commands.find((each) => each.name() === commandName(operation.name));
    expect(command?.helpGroup()).toBe(`${groups[operation.group]}:`);
  }
  const shown = [...new Set(commands.map((command) => command.helpGroup()))];
  expect(shown.slice(0, -1)).toEqual(Object.values(groups).map((group) => `${group}:`));
});

test('every hint of a value names an operation that exists', () => {
  const hints = catalogue.flatMap((operation) => inputFields(operation)).flatMap(({ choices }) => choices ?? []);
  for (const { operation, value } of hints) expect(findOperation(operation)?.columns).toContain(value);
  expect(hints.length).toBeGreaterThan(10);
});

test('operations that can be waited for are mutations with the instance in their receipt', () => {
  const waited = catalogue.filter(({ waitsFor }) => waitsFor !== undefined);
  expect(waited.map((operation) => operation.name)).toEqual([
    'launch_instance',
    'stop_instance',
    'restart_instance',
    'scale_instance',
  ]);
  for (const operation of waited) expect(operation.output.shape).toHaveProperty('instance');
});

test('every operation for the command line has a command, and the others have none', () => {
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
  const command = operationCommand(
    operation,
    new Command(words[1]),
    async (request) => void ([input] = request.inputs),
  );
  await command.parseAsync(words.slice(2), { from: 'user' });
  return input;
}
