import type { OperationName } from '../core/operations/catalogue.ts';
import { commandName, commandOperations } from './names.ts';

/** Short words for commands. They are those of Slack, so that people need to learn only one set. */
export const shortWords: Readonly<Record<string, OperationName>> = {
  check: 'check_model',
  extend: 'extend_instance',
  instances: 'list_instances',
  launch: 'launch_instance',
  logs: 'get_instance_logs',
  ls: 'list_instances',
  models: 'list_models',
  plan: 'plan_launch',
  ps: 'list_instances',
  register: 'register_model',
  regions: 'list_regions',
  restart: 'restart_instance',
  scale: 'scale_instance',
  status: 'get_instance',
  stop: 'stop_instance',
};

/** The command line with the command's full name: `launch` and `launch_instance` are `launch-instance`. */
export function withFullNames(argv: readonly string[]): string[] {
  const position = argv.findIndex((word) => !word.startsWith('-') && word !== 'help');
  return argv.map((word, index) => (index === position ? fullName(word) : word));
}

function fullName(word: string): string {
  if (Object.hasOwn(shortWords, word)) return commandName(shortWords[word] ?? word);
  const dashed = commandName(word);
  return commandOperations().some((operation) => commandName(operation.name) === dashed) ? dashed : word;
}
