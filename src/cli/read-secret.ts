import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fail } from '../core/base/errors.ts';

/** From a prompt that shows nothing of what is typed, or from standard input where that is no terminal. */
export async function readSecret(prompt: string): Promise<string> {
  const secret = process.stdin.isTTY ? await ask(prompt) : await text(process.stdin);
  if (secret.trim() !== '') return secret.trim();
  throw fail('value_missing', 'No token was given.', {
    nextStep: 'Type it where it is asked for, or send it to standard input: ecolink credential add <name> < file',
  });
}

async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  // A terminal's line editor echoes to its output: this one goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  const cancelled = new AbortController();
  lines.once('SIGINT', () => cancelled.abort());
  try {
    return await lines.question('', { signal: cancelled.signal });
  } catch {
    return '';
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
