import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program to start as a child process: `main.ts` from source, `main.js` from the build. tsc rewrites imports only. */
export function llamaEngineEntry(): string {
  return fileURLToPath(new URL(`../../llama-engine/main${extname(import.meta.url)}`, import.meta.url));
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
