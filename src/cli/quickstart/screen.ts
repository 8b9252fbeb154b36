import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { quote } from '../names.ts';

const main = fileURLToPath(new URL(`../../main${extname(import.meta.url)}`, import.meta.url));

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

let steps = 0;

export function step(title: string): void {
  print();
  print(styleText('bold', `${++steps}. ${title}`));
}

/** Shows a command and runs it, with its output. Throws if it fails. */
export async function runTyped(environment: Record<string, string>, ...words: string[]): Promise<void> {
  print(styleText('dim', `   $ ecolink ${words.map(quote).join(' ')}`));
  const child = spawn(process.execPath, [main, ...words], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environment,
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('exit', resolve);
    child.once('error', reject);
  });
  if (status !== 0) throw new Error(`ecolink ${words[0]} ended with status ${status}`);
}
