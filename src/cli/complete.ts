import type { Command, Option } from 'commander';
import { inputFields } from '../core/operation/operation.ts';
import type { FieldHints, Operation } from '../core/operation/operation.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import { chooseServer } from './choose-server.ts';
import { commandName, commandOperations, flagName } from './names.ts';
import { processTerminal } from './output/terminal.ts';
import { cell, rowsOf } from './output/values.ts';
import { buildProgram } from './program.ts';
import { withFullNames } from './short-words.ts';

interface Candidate {
  value: string;
  about: string;
}

/** Looks values up. Empty if nobody can be asked. */
type Lookup = (choices: NonNullable<FieldHints['choices']>) => Promise<Candidate[]>;

/** The hidden command behind every shell's completion. It prints nothing if something goes wrong. */
export async function completeCommand(words: readonly string[]): Promise<void> {
  const terminal = processTerminal();
  const program = buildProgram(terminal);
  const candidates = await complete(program, words, lookUp).catch(() => []);
  for (const { value, about } of candidates) terminal.out(`${value}\t${about}`);
}

/** Candidates for the last of `words`. */
export async function complete(program: Command, words: readonly string[], lookup: Lookup): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const { command, rest } = descend(program, withFullNames(words.slice(0, -1)));
  const operation = commandOperations().find((each) => commandName(each.name) === command.name());
  const candidates = await candidatesFor(command, operation, rest, current, lookup);
  return candidates.filter(({ value }) => value.startsWith(current));
}

/** The last command that was typed, and the words after it. */
function descend(program: Command, words: readonly string[]): { command: Command; rest: readonly string[] } {
  let command = program;
  let position = 0;
  for (const word of words) {
    const child = command.commands.find((each) => each.name() === word);
    if (!child) break;
    command = child;
    position += 1;
  }
  return { command, rest: words.slice(position) };
}

async function candidatesFor(
  command: Command,
  operation: Operation | undefined,
  rest: readonly string[],
  current: string,
  lookup: Lookup,
): Promise<Candidate[]> {
  const waiting = optionWaiting(command, rest.at(-1));
  if (waiting) return valuesOf(waiting, operation, lookup);
  const assigned = /^(--[^=]+)=/.exec(current);
  const option = assigned ? optionWaiting(command, assigned[1]) : undefined;
  if (option) {
    const values = await valuesOf(option, operation, lookup);
    return values.map(({ value, about }) => ({ value: `${assigned?.[1] ?? ''}=${value}`, about }));
  }
  if (current.startsWith('-')) return flagsOf(command);
  const children = command.createHelp().visibleCommands(command);
  if (children.length > 0) return children.map((child) => ({ value: child.name(), about: child.summary() }));
  return argumentValues(command, operation, rest, lookup);
}

function optionWaiting(command: Command, word: string | undefined): Option | undefined {
  return command.options.find((option) => option.long === word && option.required);
}

function flagsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option) => (option.long ? [{ value: option.long, about: firstSentence(option.description) }] : []));
}

async function valuesOf(option: Option, operation: Operation | undefined, lookup: Lookup): Promise<Candidate[]> {
  if (option.argChoices) return option.argChoices.map((value) => ({ value, about: '' }));
  const fields = operation ? inputFields(operation) : [];
  const choices = fields.find((field) => flagName(field.name) === option.long)?.choices;
  return choices ? lookup(choices) : [];
}

async function argumentValues(
  command: Command,
  operation: Operation | undefined,
  rest: readonly string[],
  lookup: Lookup,
): Promise<Candidate[]> {
  const typed = rest.filter((word, index) => !word.startsWith('-') && !optionWaiting(command, rest[index - 1]));
  if (command.name() === 'completion' && typed.length === 0) {
    return ['bash', 'zsh', 'fish'].map((value) => ({ value, about: '' }));
  }
  const positionals = operation ? inputFields(operation).filter((field) => field.positional) : [];
  const choices = positionals[typed.length]?.choices;
  return choices ? lookup(choices) : [];
}

/** The items of a list operation. A shell does not wait long. */
async function lookUp({ operation: name, value, label }: NonNullable<FieldHints['choices']>): Promise<Candidate[]> {
  const operation = findOperation(name);
  if (!operation) return [];
  await using server = await chooseServer(operation);
  const { items } = await server.call(name, { limit: 100 }, { signal: AbortSignal.timeout(3000) });
  return rowsOf(items).map((item) => ({
    value: cell(value, item[value], 0),
    about: label === undefined ? '' : cell(label, item[label], 0),
  }));
}

function firstSentence(text: string): string {
  return (/^[^.]*\./.exec(text)?.[0] ?? text).trim();
}
