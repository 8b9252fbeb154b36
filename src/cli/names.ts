import type { InputField, Operation } from '../core/operation/operation.ts';
import { inputFields } from '../core/operation/operation.ts';
import { catalogue, findOperation } from '../core/operations/catalogue.ts';

export const program = 'ecolink';

/** `plan_launch` → `plan-launch`. */
export function commandName(operation: string): string {
  return operation.replaceAll('_', '-');
}

/** `accelerator_count` → `--accelerator-count`. */
export function flagName(field: string): string {
  return `--${field.replaceAll('_', '-')}`;
}

/** Operations that are commands, in the catalogue's order. */
export function commandOperations(): Operation[] {
  return catalogue.filter((operation) => operation.frontEnds.includes('cli'));
}

/** How help and errors name a field: `<model>` where it needs no flag, `--repo` elsewhere. */
export function fieldOnCommandLine(field: Pick<InputField, 'name'> & { positional?: boolean }): string {
  return field.positional ? `<${field.name}>` : flagName(field.name);
}

/** An input as somebody would type it: `ecolink launch-instance qwen-small --replicas 2`. */
export function commandLine(operation: Operation, input: Record<string, unknown>): string {
  const fields = inputFields(operation).filter((field) => input[field.name] !== undefined);
  const words = [program, commandName(operation.name)];
  for (const field of fields.filter((each) => each.positional)) words.push(quote(String(input[field.name])));
  for (const field of fields.filter((each) => !each.positional)) words.push(...flagWords(field, input[field.name]));
  return words.join(' ');
}

function flagWords(field: InputField, value: unknown): string[] {
  if (typeof value === 'boolean') return [value ? flagName(field.name) : `--no-${field.name.replaceAll('_', '-')}`];
  const values = Array.isArray(value) ? value : [value];
  return values.flatMap((each) => [flagName(field.name), quote(String(each))]);
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * Core's sentences name operations and fields as tools do (`get_instance`, `wait_seconds`); on the command line the
 * same words are typed `get-instance` and `--wait-seconds`.
 */
export function inCommandWords(text: string): string {
  return text.replace(toolWord, (word) => spelling().get(word) ?? word);
}

/** The same for a next step, where a command stands as it is typed: `ecolink get-instance 3`. */
export function asNextStep(text: string): string {
  const named = text.replace(toolWord, (word, offset: number) => {
    const typed = findOperation(word) === undefined || text.slice(0, offset).endsWith(`${program} `);
    return typed ? word : `${program} ${word}`;
  });
  return inCommandWords(named);
}

const toolWord = /(?<![\w-])[a-z]+(?:_[a-z]+)+(?![\w-])/g;

let spellings: Map<string, string> | undefined;

function spelling(): Map<string, string> {
  if (spellings) return spellings;
  spellings = new Map();
  for (const operation of commandOperations()) {
    for (const field of inputFields(operation)) spellings.set(field.name, fieldOnCommandLine(field));
    spellings.set(operation.name, commandName(operation.name));
  }
  return spellings;
}
