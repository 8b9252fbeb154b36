import { expect, test } from 'vitest';
import { findLockFaults } from '../../scripts/package/check-lock.ts';
import { readLockFile, type LockEntry } from '../../scripts/package/lock-file.ts';

const lock = readLockFile(new URL('../../package-lock.json', import.meta.url));

test('the lock file pins every package by its content, and no package needs an install script', () => {
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  expect(findLockFaults(lock)).toEqual([]);
});

const sound: LockEntry = { version: '1.0.0', integrity: 'sha512-AAAA' };

test.each<[string, LockEntry, string]>([
  ['without integrity', { version: '1.0.0' }, 'thing: no sha512 integrity (npm run lock:integrity)'],
  ['with a weak hash', { ...sound, integrity: 'sha1-AAAA' }, 'thing: no sha512 integrity (npm run lock:integrity)'],
  [
    'from another host',
    { ...sound, resolved: 'https://mirror.example/thing.tgz' },
    'thing: resolved to mirror.example',
  ],
  ['from a repository', { ...sound, resolved: 'git+ssh://git@host.example/a.git' }, 'thing: resolved to host.example'],
  ['with an install script', { ...sound, hasInstallScript: true }, 'thing: has an install script, which does not run'],
  ['that is a link', { ...sound, link: true }, 'thing: a link, not a package of the registry'],
])('an entry %s is refused', (_, entry, fault) => {
  const packages = { '': {}, 'node_modules/a/node_modules/thing': entry };
  expect(findLockFaults({ ...lock, packages })).toEqual([fault]);
});

test('an alias cannot hide an install script behind the name of a known package', () => {
  const packages = { 'node_modules/better-sqlite3': { ...sound, name: 'other', hasInstallScript: true } };
  expect(findLockFaults({ ...lock, packages })).toEqual(['other: has an install script, which does not run']);
});
