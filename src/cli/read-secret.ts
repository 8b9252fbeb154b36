import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fail } from '../core/base/errors.ts';
import { say, task } from '../core/base/prose.ts';
import type { Prose } from '../core/base/prose.ts';

/** Asks with a prompt that does not show what is typed. Reads standard input if that is not a terminal. */
export async function readSecret(prompt: string, { nextStep }: { nextStep?: Prose | undefined } = {}): Promise<string> {
  const secret = process.stdin.isTTY ? await ask(prompt) : await text(process.stdin);
  if (secret.trim() !== '') return secret.trim();
  throw fail('value_missing', 'No token was given.', {
    nextStep:
      nextStep ??
      say`Type it when you are asked for it, or send it to standard input: ${task('add_credential')} < file`,
  });
}

async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  // The line editor of a terminal echoes to its output. This output drops everything.
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
