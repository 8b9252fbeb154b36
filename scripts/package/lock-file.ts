import { readFileSync } from 'node:fs';

/** One entry of npm's lock file, version 3: the fields that we read or write. */
export interface LockEntry {
  name?: string;
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  optionalDependencies?: Record<string, string>;
  [field: string]: unknown;
}

export interface LockFile {
  name: string;
  version: string;
  lockfileVersion: number;
  requires?: boolean;
  packages: Record<string, LockEntry>;
}

export function readLockFile(path: URL | string): LockFile {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The registry's name of an entry. An alias has it in `name`, other entries in their folder. */
export function packageName(folder: string, entry: LockEntry): string {
  return entry.name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
