import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a module's text in a process of its own, as a second server or a command line is one. */
export async function runScript(text: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString();
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** A file of `src`, as a string that such a text can import from. */
export function sourceOf(path: string): string {
  return JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
}
