import { existsSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program to start as a child process: `main.ts` from source, `main.js` from the build. tsc rewrites imports only. */
export function llamaEngineEntry(): string {
  return fileURLToPath(new URL(`../../llama-engine/main${extname(import.meta.url)}`, import.meta.url));
}

/** What the engine's program reads: this package's code, and the packages that it may import. */
export function llamaEngineFiles(): string[] {
  const code = resolve(fileURLToPath(new URL('../../', import.meta.url)));
  const folders: string[] = [];
  for (let each = dirname(code); each !== dirname(each); each = dirname(each)) folders.push(join(each, 'node_modules'));
  return [code, join(dirname(code), 'package.json'), ...folders].filter((path) => existsSync(path));
}

/** True if the optional dependency is installed. It is not loaded: that would take a quarter of a second. */
export function isLlamaEngineInstalled(): boolean {
  try {
    import.meta.resolve('node-llama-cpp');
    return true;
  } catch {
    return false;
  }
}
