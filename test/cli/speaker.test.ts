import { execFileSync } from 'node:child_process';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { buildProgram } from '../../src/cli/program.ts';
import { commandSpeaker, taskCommands } from '../../src/cli/speaker.ts';
import { fieldRef, render, run, say, task, tasks } from '../../src/core/base/prose.ts';
import type { OperationReference } from '../../src/core/base/prose.ts';
import { catalogue, findOperation } from '../../src/core/operations/catalogue.ts';
import { silentTerminal } from './support/terminal.ts';

const speaker = commandSpeaker();

const commands = catalogue.filter(({ frontEnds }) => frontEnds.includes('cli'));

test('a reference to an operation is a command that the program takes, with the input of the reference', async () => {
  const references = commands.flatMap(({ name, examples }) =>
    examples.map((input): OperationReference => ({ operation: name, input: inputs.parse(input) })),
  );
  const lines = wordsOf(references.map((reference) => speaker.operation(reference)));
  expect(await Promise.all(lines.map((words) => parseOperation(words)))).toEqual(references);
});

test('a reference without input is a command too', async () => {
  const lines = wordsOf(commands.map(({ name }) => speaker.operation({ operation: name })));
  const typed = await Promise.all(lines.map((words) => parseOperation(words)));
  expect(typed).toEqual(commands.map(({ name }) => ({ operation: name, input: {} })));
});

test.each(tasks)('the task %s is a command that the program takes, with and without what it is about', async (name) => {
  const { place = '' } = taskCommands[name];
  for (const about of [undefined, "it's a name"]) {
    const said = speaker.task({ task: name, about });
    expect(said.endsWith(place)).toBe(true);
    // A placeholder is a word for the program.
    const line = said.slice(0, said.length - place.length).replaceAll(/<(\w+)>/g, '$1');
    const [words = []] = wordsOf([line]);
    const takesOne = speaker.task({ task: name }) !== speaker.task({ task: name, about: 'x' });
    expect(await argumentsOf(words)).toHaveLength(takesOne ? 1 : 0);
    if (takesOne && about !== undefined) expect(await argumentsOf(words)).toEqual([about]);
  }
});

test('values are quoted as a shell needs it', () => {
  const awkward = ["it's", '$HOME `id`', 'a b', '', '!x', '-dash', 'ünïcode', 'a\\b'];
  const lines = awkward.map((model) => speaker.operation(run('get_model', { model })));
  expect(wordsOf(lines).map((words) => words.at(-1))).toEqual(awkward);
  expect(lines[5]).toBe('ecolink get-model --model -dash');
});

test('a field is its flag, or an argument if the operation takes it without one', () => {
  const about = (name: string) => commandSpeaker(findOperation(name));
  expect(about('get_model').field(fieldRef('model'))).toBe('<model>');
  expect(about('launch_instance').field(fieldRef('accelerator_count'))).toBe('--accelerator-count');
  expect(about('check_model').field(fieldRef('source', 'huggingface'))).toBe('--source huggingface');
  expect(about('pin_cache').field(fieldRef('pinned', 'false'))).toBe('--no-pinned');
  expect(about('get_model').field(fieldRef('model', 'a b'))).toBe("--model 'a b'");
  expect(speaker.field(fieldRef('model'))).toBe('--model');
});

test('operations without a command, and tasks at another place, are said in words', () => {
  expect(speaker.operation(run('paint_house', { colour: 'red' }))).toBe('"paint house"');
  expect(speaker.operation(run('get_model', { model: 'm', colour: 'red' }))).toBe('ecolink get-model m');
  const said = render(say`Try ${run('get_model', { model: 'm' })}, or ${task('run_doctor')}.`, speaker);
  expect(said).toBe('Try ecolink get-model m, or ecolink doctor on the server.');
});

const inputs = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

/** The words of each line, as a shell splits them. */
function wordsOf(lines: readonly string[]): string[][] {
  const script = lines.map((line) => `printf '%s\\0' ${line}; printf '\\n\\0'`).join('\n');
  const words = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
  const split: string[][] = [];
  for (let rest = words; rest.length > 0;) {
    const end = rest.indexOf('\n');
    split.push(rest.slice(0, end));
    rest = rest.slice(end + 1);
  }
  return split;
}

/** Parses a command line of an operation with the real program. */
async function parseOperation(words: readonly string[]): Promise<OperationReference> {
  let reference: OperationReference | undefined;
  const program = buildProgram(silentTerminal(), async ({ operation, inputs: [input] }) => {
    reference = { operation: operation.name, input: inputs.parse(input) };
  });
  await program.parseAsync(afterProgram(words), { from: 'user' });
  return reference ?? expect.fail(`${words.join(' ')} ran no operation`);
}

/** The arguments without a flag, as the real program understands them. Runs nothing. */
async function argumentsOf(words: readonly string[]): Promise<string[]> {
  const program = buildProgram(silentTerminal());
  let given: string[] | undefined;
  for (const leaf of leavesOf(program)) leaf.action(() => void (given = leaf.args));
  await program.parseAsync(afterProgram(words), { from: 'user' });
  return given ?? expect.fail(`${words.join(' ')} ran no command`);
}

function afterProgram([program, ...words]: readonly string[]): string[] {
  expect(program).toBe('ecolink');
  return words;
}

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap((child) => leavesOf(child));
}
