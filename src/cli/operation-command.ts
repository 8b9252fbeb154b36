import { plainWords } from '../core/base/prose.ts';
import { Argument, Command, Option } from 'commander';
import { fail } from '../core/base/errors.ts';
import { inputFields } from '../core/operation/operation.ts';
import type { InputField, Operation } from '../core/operation/operation.ts';
import { groupOf } from './groups.ts';
import { inferImplied } from './infer.ts';
import { commandLine, fieldOnCommandLine, flagName, inCommandWords } from './names.ts';
import { nearest } from '../core/base/nearest.ts';
import { waitsFor } from './wait.ts';

/** What was typed, ready for the operation, and how to answer. */
export interface OperationRequest {
  operation: Operation;
  input: Record<string, unknown>;
  json: boolean;
  wait: boolean;
  /** Everything that was typed, for commands with flags of their own. */
  options: Record<string, unknown>;
}

/** One operation as a command: its arguments, flags, help and examples all come from its definition. */
export function operationCommand(
  operation: Operation,
  command: Command,
  run: (request: OperationRequest) => Promise<void>,
): Command {
  const fields = inputFields(operation);
  const positionals = fields.filter((field) => field.positional);
  command
    .summary(operation.title)
    .description(inCommandWords(plainWords(operation.description)))
    .helpGroup(groupOf(operation.name))
    .usage(
      [...positionals.map((field) => (field.required ? `<${field.name}>` : `[${field.name}]`)), '[options]'].join(' '),
    );
  for (const field of positionals) command.addArgument(argumentOf(field));
  for (const field of fields) for (const option of optionsOf(field, describe(field, fields))) command.addOption(option);
  addOwnOptions(command, operation);
  command.addHelpText('after', examplesOf(operation));
  command.action(async (...given: unknown[]) => {
    const options = command.optsWithGlobals<Record<string, unknown>>();
    const input = inferImplied(fields, collect(fields, positionals, given, options));
    await run({ operation, input, json: options['json'] === true, wait: options['wait'] === true, options });
  });
  return command;
}

// Optional for commander: what is missing is said by the same check that every front end passes.
function argumentOf(field: InputField): Argument {
  return new Argument(`[${field.name}]`, inCommandWords(plainWords(field.help))).argParser((value) =>
    parseValue(field, value),
  );
}

function optionsOf(field: InputField, about: string): Option[] {
  const flag = flagName(field.name);
  if (field.type === 'boolean') {
    const off = `--no-${flag.slice(2)}`;
    const on = new Option(flag, field.default === true ? `${about} On unless ${off}.` : about);
    return [inGroup(on, field), new Option(off, '').hideHelp()];
  }
  const option = inGroup(new Option(`${flag} <${valueName(field)}>`, about), field);
  // Only for help and completion: `choices()` would bring commander's own wording of the error.
  if (field.values) option.argChoices = [...field.values];
  option.argParser((value: string, before: unknown) =>
    field.type === 'list' ? [...((before as string[] | undefined) ?? []), value] : parseValue(field, value),
  );
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

function describe(field: InputField, fields: readonly InputField[]): string {
  const parts = [inCommandWords(plainWords(field.help))];
  if (field.type === 'list') parts.push('Repeat the flag for more than one.');
  const implied = fields.some((each) => each.onlyWith?.field === field.name);
  if (field.required) parts.push(implied ? 'Required, unless another flag implies it.' : 'Required.');
  if (field.onlyWith) parts.push(`Only with ${flagName(field.onlyWith.field)} ${field.onlyWith.value}.`);
  if (field.default !== undefined && field.type !== 'boolean')
    parts.push(`${JSON.stringify(field.default)} unless given.`);
  if (field.example !== undefined && !field.values && !field.positional) parts.push(`Example: ${field.example}`);
  return parts.join(' ');
}

function addOwnOptions(command: Command, operation: Operation): void {
  const goal = waitsFor(operation);
  if (goal !== undefined || mayBeHeldBack(operation)) {
    const follow = `Follow the instance until it is ${goal}, then show it; status 1 if it fails.`;
    const decision = 'Where people have to approve it, wait for that first; status 7 if they do not.';
    const wait = new Option('--wait', goal === undefined ? decision : `${follow} ${decision}`);
    command.addOption(wait.helpGroup('Output:'));
  }
  command.addOption(new Option('--json', 'Print exactly the output, as JSON, and nothing else.').helpGroup('Output:'));
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
  return fail('given_twice', `${fieldOnCommandLine(field)} and ${flagName(field.name)} say the same thing twice.`, {
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
  throw fail('bad_field', `${fieldOnCommandLine(field)} takes a number, not "${value}".`, {
    nextStep: field.example === undefined ? 'Write it in digits.' : `Write it in digits, for example ${field.example}.`,
    field: field.name,
  });
}

function notAChoice(field: InputField, value: string, values: readonly string[]): Error {
  const near = nearest(value, values);
  return fail(
    'bad_field',
    `${fieldOnCommandLine(field)} cannot be "${value}".${near ? ` Did you mean "${near}"?` : ''}`,
    {
      nextStep: `Use one of: ${values.join(', ')}.`,
      field: field.name,
      validValues: values,
    },
  );
}
