import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { Command, CommanderError } from 'commander';
import type { ErrorCode } from '../core/base/error-codes.ts';
import { EcolinkError, fail } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { nearest } from '../core/base/nearest.ts';
import { render } from '../core/base/prose.ts';
import { redact } from '../core/base/secret-shapes.ts';
import type { Operation } from '../core/operation/operation.ts';
import { Interrupted } from './interruption.ts';
import { commandName, commandOperations } from './names.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { shortWords } from './short-words.ts';
import { commandSpeaker } from './speaker.ts';

/** Prints the error on standard error and returns the exit status. Standard output stays as it is. */
export async function reportFailure(thrown: unknown, argv: readonly string[], terminal: Terminal): Promise<number> {
  if (thrown instanceof Interrupted) {
    terminal.err(plainText(render(thrown.said, commandSpeaker())));
    return 130;
  }
  const error = thrown instanceof EcolinkError ? thrown : await unexpected(thrown);
  const text = (): string => errorText(error, operationOf(argv), terminal.colours.err);
  terminal.err(argv.includes('--json') ? jsonText({ error: error.toBody() }) : text());
  if (terminal.verbose) for (const cause of causesOf(error)) terminal.err(`cause: ${plainText(redact(cause))}`);
  return error.exitStatus;
}

/** What is behind an error, the nearest first. */
function causesOf(error: Error): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(`${cause.name}: ${cause.message}`);
  return causes;
}

/** `error[code]: sentence`, then `next: …`. The operation tells which of its fields need no flag. */
export function errorText(error: EcolinkError, operation?: Operation, colours = false): string {
  const { message, next_step: nextStep } = error.toBody(commandSpeaker(operation));
  const mark = `error[${error.code}]:`;
  const shownMark = colours ? styleText(['bold', 'red'], mark, { validateStream: false }) : mark;
  const lines = [`${shownMark} ${plainText(message)}`, `next: ${plainText(nextStep)}`];
  const values = error.validValues ?? [];
  const said = values.every((value) => lines.join('\n').includes(value));
  if (values.length > 0 && values.length <= 40 && !said) lines.push(`valid: ${plainText(values.join(', '))}`);
  return lines.join('\n');
}

function operationOf(argv: readonly string[]): Operation | undefined {
  const typed = argv.find((word) => !word.startsWith('-'));
  return commandOperations().find((operation) => commandName(operation.name) === typed);
}

/** An unforeseen error. Its stack goes to a file: it does not help a person at a terminal. */
async function unexpected(thrown: unknown): Promise<EcolinkError> {
  const reference = `cli_${randomBytes(5).toString('hex')}`;
  const file = await keep(reference, thrown);
  return fail('unexpected', `Something went wrong inside EcoLink (reference ${reference}).`, {
    nextStep:
      file === undefined
        ? 'Try again. If it happens again, open an issue.'
        : `Try again. If it happens again, open an issue with the lines of ${reference} in ${file}.`,
    cause: thrown,
  });
}

async function keep(reference: string, thrown: unknown): Promise<string | undefined> {
  try {
    const { loadConfig } = await import('../core/config/load.ts');
    const file = join(loadConfig().dataDir, 'errors.log');
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    appendFileSync(file, `${new Date().toISOString()} ${reference} ${redact(stack)}\n`, { mode: 0o600 });
    return file;
  } catch {
    return undefined;
  }
}

/** Turns commander's errors into errors with the words and the exit statuses of all others. */
export function usageError(error: CommanderError, command: Command): EcolinkError {
  const typed = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const help = `"${fullName(command)} --help" shows what can be typed.`;
  switch (error.code) {
    case 'commander.unknownOption': {
      const message = `${fullName(command)} has no flag ${plainText(typed)}.`;
      return suggest('unknown_flag', message, typed, flagsOf(command), help);
    }
    case 'commander.unknownCommand':
      return suggest('unknown_command', `There is no command "${plainText(typed)}".`, typed, commandsOf(command), help);
    case 'commander.optionMissingArgument':
      return fail('value_missing', `${typed.split(' ')[0]} needs a value after it.`, { nextStep: help });
    case 'commander.missingArgument':
      return fail('field_missing', `${fullName(command)} needs <${typed}>.`, { nextStep: help });
    case 'commander.missingMandatoryOptionValue':
      return fail('field_missing', `${fullName(command)} needs ${typed}.`, { nextStep: help });
    case 'commander.excessArguments':
      return tooMany(command, help);
    default:
      return fail('bad_usage', plainText(error.message), { nextStep: help });
  }
}

/** People often type the repo without its flag, as in the address of its page. */
function tooMany(command: Command, help: string): EcolinkError {
  const word = command.args.at(command.registeredArguments.length) ?? '';
  const repo = /^(?:https:\/\/huggingface\.co\/)?([\w.-]+\/[\w.-]+)\/?$/.exec(word)?.[1];
  const hint = repo !== undefined && flagsOf(command).includes('--repo') ? ` Did you mean --repo ${repo}?` : '';
  const message = `${fullName(command)} takes fewer arguments: "${plainText(word)}" is one too many.${hint}`;
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
    nextStep: `Type ${near} instead. ${help}`,
    validValues: [near],
  });
}

function flagsOf(command: Command): string[] {
  return command.options.flatMap((option) => (option.long ? [option.long] : []));
}

function commandsOf(command: Command): string[] {
  const names = command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
  return command.parent ? names : [...names, ...Object.keys(shortWords)];
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}
