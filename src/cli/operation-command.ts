import { Argument, Command, Option } from 'commander';
import { fail } from '../core/base/errors.ts';
import { nearest } from '../core/base/nearest.ts';
import { fieldRef, render, say } from '../core/base/prose.ts';
import type { Speaker } from '../core/base/prose.ts';
import { groups, inputFields } from '../core/operation/operation.ts';
import type { InputField, Operation } from '../core/operation/operation.ts';
import { inferImplied } from './infer.ts';
import { commandLine, flagName, offFlagName } from './names.ts';
import { commandSpeaker } from './speaker.ts';

/** The input that was typed, and how to answer. */
export interface OperationRequest {
  operation: Operation;
  /** One for each thing that was named. */
  inputs: Record<string, unknown>[];
  json: boolean;
  wait: boolean;
  /** Print the names of a list and nothing else. */
  quiet: boolean;
  /** All pages of a list. */
  all: boolean;
  /** Show it again whenever it changes. */
  watch: boolean;
  /** Print what is added, until Ctrl-C. */
  follow: boolean;
  /** Everything that was typed, for commands with flags of their own. */
  options: Record<string, unknown>;
}

/** Makes a command of an operation. Its arguments, flags, help and examples come from the definition. */
export function operationCommand(
  operation: Operation,
  command: Command,
  run: (request: OperationRequest) => Promise<void>,
): Command {
  const fields = inputFields(operation);
  const positionals = fields.filter((field) => field.positional);
  const speaker = commandSpeaker(operation);
  command
    .summary(operation.title)
    .description(render(operation.description, speaker))
    .helpGroup(`${groups[operation.group]}:`)
    .usage(
      [...positionals.map((field) => placeOf(field, takesSeveral(operation, positionals))), '[options]'].join(' '),
    );
  const several = takesSeveral(operation, positionals);
  for (const field of positionals) command.addArgument(argumentOf(field, speaker, several));
  for (const field of fields) {
    for (const option of optionsOf(field, describe(field, fields, speaker))) command.addOption(option);
  }
  addOwnOptions(command, operation);
  command.addHelpText('after', examplesOf(operation));
  command.action(async (...given: unknown[]) => {
    const options = command.optsWithGlobals<Record<string, unknown>>();
    const inputs = wordsOf(given, several).map((words) =>
      inferImplied(fields, collect(fields, positionals, words, options)),
    );
    const isOn = (flag: string): boolean => options[flag] === true;
    const [json, wait, quiet, all] = [isOn('json'), isOn('wait'), isOn('quiet'), isOn('all')];
    await run({ operation, inputs, json, wait, quiet, all, watch: isOn('watch'), follow: isOn('follow'), options });
  });
  return command;
}

/** True for a change of one named thing: `stop-instance 3 4 5` stops three, one after the other. People decide one by one. */
function takesSeveral({ effect, decides }: Operation, positionals: readonly InputField[]): boolean {
  return effect !== 'read' && decides !== true && positionals.length === 1 && namesOne.has(positionals[0]?.name ?? '');
}

const namesOne = new Set(['instance', 'model', 'approval', 'credential']);

function placeOf({ name, required }: InputField, several: boolean): string {
  const text = several ? `${name}...` : name;
  return required ? `<${text}>` : `[${text}]`;
}

// Optional for commander: the operation's own check reports a missing value, as in every front end.
function argumentOf(field: InputField, speaker: Speaker, several: boolean): Argument {
  const about = render(field.help, speaker);
  if (!several) return new Argument(`[${field.name}]`, about).argParser((value) => parseValue(field, value));
  const argument = new Argument(`[${field.name}...]`, about);
  return argument.argParser<unknown[]>((value, before) => [...(before ?? []), parseValue(field, value)]);
}

/** The words of each run. */
function wordsOf(given: readonly unknown[], several: boolean): (readonly unknown[])[] {
  const [first] = given;
  if (!several || !Array.isArray(first) || first.length === 0) return [several ? [] : given];
  return first.map((word: unknown) => [word]);
}

function optionsOf(field: InputField, about: string): Option[] {
  const flag = flagName(field.name);
  if (field.type === 'boolean') {
    const off = offFlagName(field.name);
    const on = new Option(flag, field.default === true ? `${about} On unless ${off}.` : about);
    return [inGroup(on, field), new Option(off, '').hideHelp()];
  }
  const option = inGroup(new Option(`${flag} <${valueName(field)}>`, about), field);
  // For help and completion only: `choices()` would use commander's own error text.
  if (field.values) option.argChoices = [...field.values];
  if (field.type === 'list') option.argParser<string[] | undefined>((value, before = []) => [...before, value]);
  else option.argParser((value) => parseValue(field, value));
  return [option];
}

function inGroup(option: Option, field: InputField): Option {
  if (field.advanced) option.helpGroup('More options:');
  return field.positional ? option.hideHelp() : option;
}

function valueName(field: InputField): string {
  if (field.type === 'number') return 'number';
  return field.type === 'enum' ? field.name : (field.choices?.value ?? 'text');
}

function describe(field: InputField, fields: readonly InputField[], speaker: Speaker): string {
  const texts = [render(field.help, speaker)];
  if (field.type === 'list') texts.push('Repeat the flag for more than one.');
  const implied = fields.some((each) => each.onlyWith?.field === field.name);
  if (field.required) texts.push(implied ? 'Required, unless another flag implies it.' : 'Required.');
  if (field.onlyWith) texts.push(`Only with ${speaker.field(field.onlyWith)}.`);
  if (field.default !== undefined && field.type !== 'boolean')
    texts.push(`${JSON.stringify(field.default)} unless given.`);
  if (field.example !== undefined && !field.values && !field.positional) texts.push(`Example: ${field.example}`);
  return texts.join(' ');
}

function addOwnOptions(command: Command, operation: Operation): void {
  const goal = operation.waitsFor;
  if (goal !== undefined || mayBeHeldBack(operation)) {
    const follow = `Follow the instance until it is ${goal}, then show it; status 1 if it fails.`;
    const decision = 'If people must approve it, wait for that first; status 7 if they do not.';
    const wait = new Option('--wait', goal === undefined ? decision : `${follow} ${decision}`);
    command.addOption(wait.helpGroup('Output:'));
  }
  const add = (flags: string, about: string): void =>
    void command.addOption(new Option(flags, about).helpGroup('Output:'));
  if ('items' in operation.output.shape) add('-q, --quiet', 'Print only the names, one a line.');
  if ('next_cursor' in operation.output.shape) add('--all', 'Print all items, not only a page.');
  if (operation.name === 'get_instance_logs') add('-f, --follow', 'Print new lines as they come, until Ctrl-C.');
  if (canBeWatched(operation)) add('-w, --watch', 'Show it again whenever it changes, until Ctrl-C.');
  command.addOption(new Option('--json', 'Print exactly the output, as JSON, and nothing else.').helpGroup('Output:'));
}

function canBeWatched({ name, output }: Operation): boolean {
  return 'items' in output.shape || name === 'get_instance' || name === 'get_approval';
}

function mayBeHeldBack({ effect, neverHeldBack }: Operation): boolean {
  return effect !== 'read' && neverHeldBack !== true;
}

function examplesOf(operation: Operation): string {
  if (operation.examples.length === 0) return '';
  return `\nExamples:\n${operation.examples.map((example) => `  ${commandLine(operation, example)}`).join('\n')}`;
}

function collect(
  fields: readonly InputField[],
  positionals: readonly InputField[],
  given: readonly unknown[],
  options: Record<string, unknown>,
): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const field of fields) {
    const byFlag = options[optionKey(field.name)];
    const position = positionals.indexOf(field);
    const byPosition = position === -1 ? undefined : given[position];
    if (byFlag !== undefined && byPosition !== undefined) throw givenTwice(field);
    const value = byPosition ?? byFlag;
    if (value !== undefined) input[field.name] = value;
  }
  return input;
}

/** commander keeps the value of `--accelerator-count` under `acceleratorCount`. */
function optionKey(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function givenTwice(field: InputField): Error {
  return fail('given_twice', say`${fieldRef(field.name)} and ${flagName(field.name)} say the same thing twice.`, {
    nextStep: `Leave out ${flagName(field.name)}.`,
    field: field.name,
  });
}

function parseValue(field: InputField, value: string): unknown {
  if (field.type === 'number') return parseNumber(field, value);
  if (field.values && !field.values.includes(value)) throw notAChoice(field, value, field.values);
  return value;
}

function parseNumber(field: InputField, value: string): number {
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number)) return number;
  throw fail('bad_field', say`${fieldRef(field.name)} takes a number, not "${value}".`, {
    nextStep: field.example === undefined ? 'Write it in digits.' : `Write it in digits, for example ${field.example}.`,
    field: field.name,
  });
}

function notAChoice(field: InputField, value: string, values: readonly string[]): Error {
  const near = nearest(value, values);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  return fail('bad_field', say`${fieldRef(field.name)} cannot be "${value}".${hint}`, {
    nextStep: `Use one of: ${values.join(', ')}.`,
    field: field.name,
    validValues: values,
  });
}
