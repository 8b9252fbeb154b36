import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** A path on this machine. `~/` is the home folder, and a relative path starts at the working folder. */
export const pathSetting = z.string().min(1).transform(absolutePath);

function absolutePath(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}
