import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** A path on this machine. `~/` is the home folder, and a relative path starts at the working folder. */
export const pathSetting = z.string().min(1).transform(absolutePath);

/** `~` is the home folder, as in a shell: a variable in a file or in quotes still has it. */
export function absolutePath(path: string): string {
  if (path === '~') return homedir();
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}
