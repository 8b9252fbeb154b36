import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';

const main = fileURLToPath(new URL(`../../main${extname(import.meta.url)}`, import.meta.url));

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

let steps = 0;

export function step(title: string): void {
  say();
  say(styleText('bold', `${++steps}. ${title}`));
}

/** Runs a command just as a person would type it, shows both it and what it prints, and fails with it. */
export async function type(environment: Record<string, string>, ...words: string[]): Promise<void> {
  say(styleText('dim', `   $ ecolink ${words.map(quoted).join(' ')}`));
  const child = spawn(process.execPath, [main, ...words], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environment,
  });
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`ecolink ${words[0]} ended with status ${status}`);
}

function quoted(word: string): string {
  return /^[\w./:@=-]+$/.test(word) ? word : `'${word}'`;
}
