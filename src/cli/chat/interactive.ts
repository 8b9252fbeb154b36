import { createInterface } from 'node:readline/promises';
import type { Interface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { EcolinkError } from '../../core/base/errors.ts';
import { errorText } from '../failure.ts';
import type { Conversation } from './conversation.ts';
import { createPrinter } from './printer.ts';

const help = `  /system <text>   set the instruction that stands before everything; without a text, remove it
  /clear           forget what was said
  /help            show this
  /exit            end (or Ctrl-D)
  Ctrl-C stops an answer. End a line with \\ to go on in the next one.`;

interface Reader {
  lines: Interface;
  typed: AsyncIterator<string>;
}

/** Talks in the terminal until the person ends it. Answers go to standard output; all else goes to standard error. */
export async function talk(modelId: string, conversation: Conversation): Promise<void> {
  process.stderr.write(`${styleText('dim', `${modelId}. /help shows what you can type.`)}\n`);
  const lines = createInterface({ input: process.stdin, output: process.stderr, historySize: 200 });
  const reader: Reader = { lines, typed: lines[Symbol.asyncIterator]() };
  try {
    for (;;) {
      const text = await readMessage(reader);
      if (text === undefined || text === '/exit' || text === '/quit') return;
      if (text.startsWith('/')) process.stderr.write(`${obey(text, conversation)}\n`);
      else if (text !== '') await answer(lines, conversation, text);
    }
  } finally {
    lines.close();
  }
}

/** A message of one or more lines. Undefined if the person ended the chat. */
async function readMessage(reader: Reader): Promise<string | undefined> {
  const parts: string[] = [];
  for (;;) {
    const line = await readLine(reader, parts.length === 0 ? '> ' : '. ');
    if (line === undefined) return undefined;
    if (!line.endsWith('\\')) return [...parts, line].join('\n').trim();
    parts.push(line.slice(0, -1));
  }
}

/** Undefined after Ctrl-C or Ctrl-D. What was typed during an answer comes next. */
async function readLine({ lines, typed }: Reader, prompt: string): Promise<string | undefined> {
  lines.setPrompt(prompt);
  lines.prompt();
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<void>();
  lines.once('SIGINT', interrupt);
  const line = await Promise.race([typed.next(), interrupted]);
  lines.off('SIGINT', interrupt);
  if (line && line.done !== true) return line.value;
  process.stderr.write('\n');
  return undefined;
}

function obey(text: string, conversation: Conversation): string {
  const [command, ...rest] = text.split(' ');
  const said = rest.join(' ').trim();
  switch (command) {
    case '/system':
      conversation.setSystem(said);
      return said === '' ? 'The instruction is removed.' : 'The instruction is set.';
    case '/clear':
      conversation.clear();
      return 'What was said is forgotten.';
    case '/help':
      return help;
    default:
      return `There is no ${command}. /help shows what you can type.`;
  }
}

/** Prints one answer as it streams. Ctrl-C stops it, and the chat goes on. */
async function answer(lines: Interface, conversation: Conversation, text: string): Promise<void> {
  const stop = new AbortController();
  const stopAnswer = (): void => stop.abort();
  lines.once('SIGINT', stopAnswer);
  const printer = createPrinter();
  try {
    for await (const piece of conversation.ask(text, stop.signal)) printer.print(piece);
    printer.end();
  } catch (thrown) {
    printer.end();
    // An answer that fails ends neither the chat nor what was said before it.
    if (stop.signal.aborted) process.stderr.write(`${styleText('dim', '(stopped)')}\n`);
    else if (thrown instanceof EcolinkError) process.stderr.write(`${errorText(thrown)}\n`);
    else throw thrown;
  } finally {
    lines.off('SIGINT', stopAnswer);
  }
}
