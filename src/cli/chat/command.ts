import type { Command } from 'commander';
import { fail } from '../../core/base/errors.ts';
import { program as programName } from '../names.ts';
import type { Terminal } from '../output/terminal.ts';
import type { AddCommand } from '../sub-command.ts';

interface Options {
  message?: string;
  system?: string;
  document?: string[];
  maxTokens?: number;
}

/** `ecolink chat`: no operation, because it calls the model and not EcoLink. */
export function addChatCommand(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  add(program, 'chat')
    .summary('Talk to a running instance')
    .description(
      'Talks to a chat model in the terminal. With --message, or with text on standard input, it prints one answer. Of an embedding model it shows the vector, of a reranker the scores of the documents.',
    )
    .helpGroup(group)
    .argument('<instance>', 'Its number, or its model if one instance of it runs.')
    .option('-m, --message <text>', 'Send this and print the answer.')
    .option('--system <text>', 'The instruction that stands before everything.')
    .option('--document <text>', 'A document for a reranker. Repeat the flag for more than one.', collect)
    .option('--max-tokens <number>', 'The longest answer.', tokens)
    .addHelpText('after', examples)
    .action(async (instance: string, { document = [], ...options }: Options) => {
      const { chat } = await import('./chat.ts');
      await chat(instance, { ...options, documents: document }, terminal);
    });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function tokens(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw fail('bad_field', `--max-tokens takes a whole number above 0, not "${value}".`, {
    nextStep: 'Write it in digits, for example 200.',
  });
}

const examples = `
Examples:
  ${programName} chat 3
  ${programName} chat qwen-small --message 'Name three rivers.'
  ${programName} chat my-reranker -m 'What is Paris?' --document 'A city.' --document 'A fruit.'`;
