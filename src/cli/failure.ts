import type { ErrorCode } from '../core/base/error-codes.ts';
import { plainWords } from '../core/base/prose.ts';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Command, CommanderError } from 'commander';
import { loadConfig } from '../core/config/load.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { redact } from '../core/base/secret-shapes.ts';
import { inputFields } from '../core/operation/operation.ts';
import type { Operation } from '../core/operation/operation.ts';
import { asNextStep, commandName, commandOperations, fieldOnCommandLine, inCommandWords } from './names.ts';
import { nearest } from '../core/base/nearest.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';

/** Prints what went wrong on standard error and answers with the exit status. Standard output stays as it is. */
export function reportFailure(thrown: unknown, argv: readonly string[], terminal: Terminal): number {
  const error = thrown instanceof EcolinkError ? thrown : unexpected(thrown);
  terminal.err(argv.includes('--json') ? jsonText({ error: error.toBody() }) : errorText(error, operationOf(argv)));
  return error.exitStatus;
}

/** `error[code]: sentence`, then `next: …`. The operation tells which of its fields are typed without a flag. */
export function errorText(error: EcolinkError, operation?: Operation): string {
  const lines = [
    `error[${error.code}]: ${withFlags(inCommandWords(plainText(error.message)), error, operation)}`,
    `next: ${withFlags(asNextStep(plainText(plainWords(error.nextStep))), error, operation)}`,
  ];
  const values = error.validValues ?? [];
  const said = values.every((value) => lines.join('\n').includes(value));
  if (values.length > 0 && values.length <= 40 && !said) lines.push(`valid: ${plainText(values.join(', '))}`);
  return lines.join('\n');
}

/** Core quotes a field's name; here it is a flag. Only the first: further quotes are values, which may be spelled the same. */
function withFlags(text: string, error: EcolinkError, operation: Operation | undefined): string {
  const fields = operation ? inputFields(operation) : [];
  const about = fields.find((each) => each.name === error.field) ?? (error.field ? { name: error.field } : undefined);
  const values = new Set(fields.flatMap((each) => each.values ?? []));
  const others = error.kind === 'input' ? fields.filter((each) => each !== about && !values.has(each.name)) : [];
  return [...(about ? [about] : []), ...others].reduce(
    (named, field) => named.replace(`"${field.name}"`, () => fieldOnCommandLine(field)),
    text,
  );
}

function operationOf(argv: readonly string[]): Operation | undefined {
  const typed = argv.find((word) => !word.startsWith('-'));
  return commandOperations().find((operation) => commandName(operation.name) === typed);
}

/** What nobody foresaw: its stack goes to a file, since a person at a terminal can do nothing with it. */
function unexpected(thrown: unknown): EcolinkError {
  const reference = `cli_${randomBytes(5).toString('hex')}`;
  const file = keep(reference, thrown);
  return fail('unexpected', `Something went wrong inside EcoLink (reference ${reference}).`, {
    nextStep:
      file === undefined
        ? 'Try once more; if it happens again, open an issue.'
        : `Try once more; if it happens again, open an issue with the lines of ${reference} in ${file}.`,
    cause: thrown,
  });
}

function keep(reference: string, thrown: unknown): string | undefined {
  try {
    const file = join(loadConfig().dataDir, 'errors.log');
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    appendFileSync(file, `${new Date().toISOString()} ${reference} ${redact(stack)}\n`, { mode: 0o600 });
    return file;
  } catch {
    return undefined;
  }
}

/** commander's errors in the words and with the exit statuses of all others. */
export function usageError(error: CommanderError, command: Command): EcolinkError {
  const typed = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const help = `"${fullName(command)} --help" shows what can be typed.`;
  switch (error.code) {
    case 'commander.unknownOption':
      return suggest(
        'unknown_flag',
        `${fullName(command)} has no flag ${plainText(typed)}.`,
        typed,
        flagsOf(command),
        help,
      );
    case 'commander.unknownCommand':
      return suggest('unknown_command', `There is no command "${plainText(typed)}".`, typed, commandsOf(command), help);
    case 'commander.optionMissingArgument':
      return fail('value_missing', `${typed.split(' ')[0]} needs a value after it.`, { nextStep: help });
    case 'commander.missingArgument':
      return fail('field_missing', `${fullName(command)} needs <${typed}>.`, { nextStep: help });
    case 'commander.excessArguments':
      return tooMany(command, help);
    default:
      return fail('bad_usage', plainText(error.message.replace(/^error: /, '')), { nextStep: help });
  }
}

/** What people type first is the repo, as its page's address has it. */
function tooMany(command: Command, help: string): EcolinkError {
  const word = command.args.at(command.registeredArguments.length) ?? '';
  const repo = /^(?:https:\/\/huggingface\.co\/)?([\w.-]+\/[\w.-]+)\/?$/.exec(word)?.[1];
  const hint = repo !== undefined && flagsOf(command).includes('--repo') ? ` Did you mean --repo ${repo}?` : '';
  const message = `${fullName(command)} takes fewer arguments than were given: "${plainText(word)}" has no place.${hint}`;
  return fail('too_many_arguments', message, { nextStep: help });
}

function suggest(
  code: ErrorCode,
  message: string,
  typed: string,
  candidates: readonly string[],
  help: string,
): EcolinkError {
  const near = nearest(typed, candidates);
  if (near === undefined) return fail(code, message, { nextStep: help });
  return fail(code, `${message} Did you mean ${near}?`, {
    nextStep: `Type ${near} instead; ${help}`,
    validValues: [near],
  });
}

function flagsOf(command: Command): string[] {
  return command.options.flatMap((option) => (option.long ? [option.long] : []));
}

function commandsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}
