import type { FieldReference, OperationReference, Speaker, Task, TaskReference } from '../core/base/prose.ts';
import { inputFields } from '../core/operation/operation.ts';
import type { Operation } from '../core/operation/operation.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import { commandLine, commandName, fieldOnCommandLine, flagWords, program, quote } from './names.ts';

/**
 * Says references as somebody would type them. `operation` is the one that the text is about: it knows which of its
 * fields need no flag.
 */
export function commandSpeaker(operation?: Operation): Speaker {
  return {
    operation: operationWords,
    field: (reference) => fieldWords(reference, operation),
    task: taskWords,
  };
}

/** Operations without a command go by their title; operations of a newer server by their name. */
function operationWords({ operation: name, input }: OperationReference): string {
  const operation = findOperation(name);
  if (!operation) return `"${name.replaceAll('_', ' ')}"`;
  return operation.frontEnds.includes('cli') ? commandLine(operation, input ?? {}) : `"${operation.title}"`;
}

function fieldWords({ field: name, value }: FieldReference, operation: Operation | undefined): string {
  const field = operation && inputFields(operation).find((each) => each.name === name);
  if (value === undefined) return fieldOnCommandLine(field ?? { name });
  const typed = field?.type === 'boolean' ? value === 'true' : value;
  return flagWords({ name }, typed).join(' ');
}

interface TaskCommand {
  /** The words after the program's name. */
  words: (about: string | undefined) => string;
  /** Where it must be typed, if not here. */
  place?: string;
}

const named = (command: string, flags = ''): TaskCommand => ({
  words: (about) => `${command} ${about === undefined ? '<name>' : quote(about)}${flags}`,
});
const simple = (command: string): TaskCommand => ({ words: () => command });

/** The command for each task that is no operation. */
export const taskCommands: Record<Task, TaskCommand> = {
  add_credential: named('credential add'),
  add_region: named('region add', ' --namespace <namespace>'),
  approve_at_terminal: {
    words: (about) => `${commandName('approve_request')} ${about === undefined ? '<approval>' : quote(about)}`,
    place: "at the server's own terminal",
  },
  create_agent_token: named('token create', ' --scope operate --agent'),
  create_call_token: named('token create', ' --scope call'),
  create_operate_token: named('token create', ' --scope operate'),
  create_read_token: named('token create', ' --scope read'),
  list_tokens: simple('token list'),
  rotate_credential_key: simple('key rotate'),
  run_doctor: { words: () => 'doctor', place: 'on the server' },
  start_server: simple('serve'),
  write_kubeconfig: named('region add', ' --namespace <namespace> --write-kubeconfig <file>'),
};

function taskWords({ task, about }: TaskReference & { task: Task }): string {
  const { words, place } = taskCommands[task];
  const command = `${program} ${words(about)}`;
  return place === undefined ? command : `${command} ${place}`;
}
