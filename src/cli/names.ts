import { programName } from '../core/config/program-name.ts';
import type { InputField, Operation } from '../core/operation/operation.ts';
import { inputFields } from '../core/operation/operation.ts';
import { catalogue } from '../core/operations/catalogue.ts';

/** The program as it was started: the beginning of every command that people can type. */
export const program = programName();

/** `plan_launch` → `plan-launch`. */
export function commandName(operation: string): string {
  return operation.replaceAll('_', '-');
}

/** `accelerator_count` → `--accelerator-count`. */
export function flagName(field: string): string {
  return `--${field.replaceAll('_', '-')}`;
}

/** `pinned` → `--no-pinned`. */
export function offFlagName(field: string): string {
  return `--no-${field.replaceAll('_', '-')}`;
}

/** Operations that are commands, in the catalogue's order. */
export function commandOperations(): Operation[] {
  return catalogue.filter((operation) => operation.frontEnds.includes('cli'));
}

/** How help and errors name a field: `<model>` if it needs no flag, else `--repo`. */
export function fieldOnCommandLine(field: Pick<InputField, 'name' | 'positional'>): string {
  return field.positional ? `<${field.name}>` : flagName(field.name);
}

/** An input as somebody would type it: `ecolink launch-instance qwen-small --replicas 2`. Unknown fields are left out. */
export function commandLine(operation: Operation, input: Readonly<Record<string, unknown>>): string {
  const words = [program, commandName(operation.name)];
  const fields = inputFields(operation);
  const positionals = fields.filter((field) => field.positional);
  const missing = positionals.findIndex(({ name }) => !isPlainWord(input[name]));
  const plain = missing === -1 ? positionals : positionals.slice(0, missing);
  for (const { name } of plain) words.push(quote(String(input[name])));
  for (const field of fields.filter((each) => !plain.includes(each)))
    words.push(...flagWords(field, input[field.name]));
  return words.join(' ');
}

/** False for a value that needs its flag, because it looks like a flag itself. */
function isPlainWord(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && !value.startsWith('-'));
}

/** A field and its value as they are typed: `--replicas 2`, `--no-pinned`. */
export function flagWords(field: Pick<InputField, 'name'>, value: unknown): string[] {
  if (value === undefined) return [];
  if (typeof value === 'boolean') return [value ? flagName(field.name) : offFlagName(field.name)];
  const values = Array.isArray(value) ? value : [value];
  return values.flatMap((each) => [flagName(field.name), quote(String(each))]);
}

/** A word as a shell reads it back. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
