import { packageName, type LockFile } from './lock-file.ts';

/** Packages with an install script that EcoLink does not need. `.npmrc` keeps npm from running it. */
const scriptsNotNeeded = new Set(['better-sqlite3', 'node-llama-cpp']);

/** What is wrong with a lock file: entries that are not pinned by content, or not from the public registry. */
export function findLockFaults(lock: LockFile): string[] {
  return Object.entries(lock.packages)
    .filter(([folder]) => folder !== '')
    .flatMap(([folder, entry]) => {
      const faults: string[] = [];
      const name = packageName(folder, entry);
      if (!entry.integrity?.startsWith('sha512-')) faults.push(`${name}: no sha512 integrity (npm run lock:integrity)`);
      if (entry.link === true) faults.push(`${name}: a link, not a package of the registry`);
      if (entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/'))
        faults.push(`${name}: resolved to ${new URL(entry.resolved).host}`);
      if (entry.hasInstallScript === true && !scriptsNotNeeded.has(name))
        faults.push(`${name}: has an install script, which does not run`);
      return faults;
    });
}
