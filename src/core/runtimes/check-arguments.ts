import type { LaunchArgument } from '../config/launch-arguments.ts';
import { plainFlag, shortWord } from '../config/launch-arguments.ts';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { fieldRef, say } from '../base/prose.ts';
import { launchArgumentsOf } from './launch-arguments/lists.ts';
import { flagName, mentionsCode } from './model-code.ts';
import { ownedFlag, setsFlag } from './runtime.ts';
import type { Runtime } from './runtime.ts';

/** An argument of a launch that its runtime allows. */
export interface CheckedArgument {
  /** What the engine gets: the flag as its definition spells it, and the value. */
  words: string[];
  risk?: string | undefined;
  runsCode: boolean;
}

/**
 * Reads the arguments of a launch by the list of the runtime, and spells them as the list does. So it does not matter which
 * spellings an engine would take for a flag. Throws `argument_owned`, `argument_not_allowed`, `bad_argument_value` or
 * `argument_repeated`.
 */
export function checkArguments(runtime: Runtime, given: readonly string[]): CheckedArgument[] {
  refuseTooLong(given);
  const allowed = launchArgumentsOf(runtime);
  const checked: CheckedArgument[] = [];
  const seen = new Set<string>();
  for (let at = 0; at < given.length; at++) {
    const typed = given[at] ?? '';
    refuseUnreadable(typed);
    const found = findArgument(runtime, allowed, typed);
    const inline = typed.includes('=') ? typed.slice(typed.indexOf('=') + 1) : undefined;
    const takesNext = found.argument.value !== 'none' && inline === undefined;
    const value = takesNext ? given[++at] : inline;
    if (seen.has(found.argument.flag)) throw repeated(found.argument.flag);
    seen.add(found.argument.flag);
    checked.push(check(found, value));
  }
  return checked;
}

/** Approvers must be able to read all of it, in a chat message too. */
const longestInAll = 2000;

function refuseTooLong(given: readonly string[]): void {
  const length = given.reduce((sum, word) => sum + word.length, 0);
  if (length <= longestInAll) return;
  throw fail('bad_argument_value', `The arguments have ${length} characters, more than ${longestInAll}.`, {
    nextStep: say`Shorten ${fieldRef('arguments')}. An admin can put long values into the definition of the runtime.`,
    field: 'arguments',
  });
}

interface Found {
  argument: LaunchArgument;
  /** The flag was written with `--no-`. */
  negated: boolean;
}

function findArgument(runtime: Runtime, allowed: readonly LaunchArgument[], typed: string): Found {
  const name = plainFlag(flagName(typed));
  if (setsFlag(runtime, name)) throw owned(runtime, flagName(typed));
  const argument = allowed.find((each) => spellings(each).includes(name));
  // The operator may have set it, in another spelling.
  if (argument && setsFlag(runtime, argument.flag)) throw owned(runtime, flagName(typed));
  if (argument) return { argument, negated: false };
  const negated = allowed.find((each) => negations(each).includes(name));
  if (negated) return { argument: negated, negated: true };
  if (ownedFlag(runtime, [typed]) !== undefined) throw owned(runtime, flagName(typed));
  throw notAllowed(runtime, allowed, typed);
}

function spellings({ flag, aliases }: LaunchArgument): string[] {
  return [flag, ...aliases].map(plainFlag);
}

function negations(argument: LaunchArgument): string[] {
  if (argument.value !== 'none' || !argument.negatable) return [];
  return spellings(argument)
    .filter((flag) => flag.startsWith('--'))
    .map((flag) => `--no-${flag.slice(2)}`);
}

function check({ argument, negated }: Found, value: string | undefined): CheckedArgument {
  const { flag, risk } = argument;
  if (negated) {
    if (value !== undefined) throw badValue(flag, 'takes no value', 'Leave the value out');
    return { words: [`--no-${flag.slice(2)}`], runsCode: false };
  }
  refuseValue(argument, value);
  const words = value === undefined ? [flag] : [flag, value];
  return { words, risk, runsCode: argument.runs_code || words.some(mentionsCode) };
}

function refuseValue(argument: LaunchArgument, value: string | undefined): void {
  const { flag } = argument;
  if (argument.value === 'none') {
    if (value !== undefined) throw badValue(flag, 'takes no value', 'Leave the value out');
    return;
  }
  const expected = `Give ${expectation(argument)}`;
  if (value === undefined) throw badValue(flag, 'has no value', expected);
  refuseUnreadable(value);
  if (/\{(?:model_path|model_dir|served_name|host|port|drain_seconds)\}/.test(value))
    throw badValue(flag, 'has a placeholder in its value, which only a definition of a runtime may use', expected);
  if (!fits(argument, value)) throw badValue(flag, `cannot be ${shown(value)}`, expected);
}

const wholeNumber = /^-?\d{1,15}$/;
const decimalNumber = /^-?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})$/;
const sizeNumber = /^\d{1,15}(?:\.\d{1,6})?[kKmMgGtT]?$/;

function fits(argument: Exclude<LaunchArgument, { value: 'none' }>, value: string): boolean {
  switch (argument.value) {
    case 'integer':
      return argument.or.includes(value) || (wholeNumber.test(value) && isWithin(argument, Number(value)));
    case 'number':
      return decimalNumber.test(value) && isWithin(argument, Number(value));
    case 'size':
      return sizeNumber.test(value);
    case 'boolean':
      return value === 'true' || value === 'false';
    case 'one_of':
      return argument.choices.includes(value);
    case 'word':
      return shortWord.test(value);
    case 'text':
      // An engine could take it for another flag.
      return !value.startsWith('-');
  }
}

function isWithin({ minimum, maximum }: { minimum: number; maximum?: number | undefined }, value: number): boolean {
  return value >= minimum && (maximum === undefined || value <= maximum);
}

/** What the value must be, in words. The reference page shows it too. */
export function expectation(argument: Exclude<LaunchArgument, { value: 'none' }>): string {
  switch (argument.value) {
    case 'integer': {
      const words = argument.or.map((each) => ` or ${each}`).join('');
      return `a whole number ${rangeOf(argument)}${words}`;
    }
    case 'number':
      return `a number ${rangeOf(argument)}`;
    case 'size':
      return 'a number, perhaps with k, M, G or T after it';
    case 'boolean':
      return 'true or false';
    case 'one_of':
      return `one of ${argument.choices.join(', ')}`;
    case 'word':
      return 'a short word of letters, digits, "_" and "-"';
    case 'text':
      return 'a text that does not begin with "-"';
  }
}

function rangeOf({ minimum, maximum }: { minimum: number; maximum?: number | undefined }): string {
  return maximum === undefined || maximum === 2 ** 31 - 1 ? `from ${minimum}` : `from ${minimum} to ${maximum}`;
}

/** Control characters, marks that turn the direction of text, and halves of characters. */
const unreadable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function refuseUnreadable(text: string): void {
  if (!unreadable.test(text)) return;
  throw fail('bad_argument_value', `The argument ${shown(text)} has a character that cannot be shown.`, {
    nextStep: say`Write it in ${fieldRef('arguments')} without control characters.`,
    field: 'arguments',
  });
}

const longestShown = 60;

/** A short form of what somebody typed, in characters that every screen shows as they are. */
function shown(text: string): string {
  const plain = text.replaceAll(/[^ -~]/g, '?');
  return `"${plain.length > longestShown ? `${plain.slice(0, longestShown)}…` : plain}"`;
}

function owned(runtime: Runtime, flag: string): EcolinkError {
  return fail('argument_owned', `EcoLink sets ${flag} for ${runtime.name} itself.`, {
    nextStep: say`Leave it out of ${fieldRef('arguments')}.`,
    field: 'arguments',
  });
}

function notAllowed(runtime: Runtime, allowed: readonly LaunchArgument[], typed: string): EcolinkError {
  const flags = allowed.map(({ flag }) => flag).toSorted();
  const near = nearestFlag(plainFlag(flagName(typed).split(/\s/, 1)[0] ?? ''), allowed);
  const hint = near === undefined ? '' : `Did you mean ${near}? `;
  const what = typed.startsWith('-') ? flagName(typed) : typed;
  return fail('argument_not_allowed', `A launch cannot give ${shown(what)} to ${runtime.name}.`, {
    nextStep: say`${hint}Give a flag that the runtime allows in ${fieldRef('arguments')}, and its value as the next item. An admin can allow more flags: launch_arguments of the runtime in ecolink.yaml.`,
    field: 'arguments',
    validValues: near === undefined ? flags : [near],
  });
}

function nearestFlag(typed: string, allowed: readonly LaunchArgument[]): string | undefined {
  const flags = allowed.map(({ flag }) => flag);
  const begun = typed.length > 3 ? flags.find((flag) => flag.startsWith(typed)) : undefined;
  return begun ?? nearest(typed.slice(0, 100), flags);
}

function badValue(flag: string, what: string, next: string): EcolinkError {
  return fail('bad_argument_value', `The argument ${flag} ${what}.`, {
    nextStep: say`${next} for ${flag} in ${fieldRef('arguments')}.`,
    field: 'arguments',
  });
}

function repeated(flag: string): EcolinkError {
  return fail('argument_repeated', `The argument ${flag} is given more than once, in one spelling or another.`, {
    nextStep: say`Give it once in ${fieldRef('arguments')}. Engines differ in which value counts.`,
    field: 'arguments',
  });
}
