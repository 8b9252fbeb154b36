import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/core/config/load.ts';
import { checkSandbox } from '../../src/core/doctor.ts';

/** A machine whose PATH is one folder with these programs. */
async function checkWith(programs: Record<string, string>, file: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-doctor-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const path = join(folder, 'ecolink.yaml');
  await writeFile(path, JSON.stringify(file));
  return checkSandbox(loadConfig({ ECOLINK_DATA_DIR: folder, ECOLINK_CONFIG: path, PATH: folder }));
}

test('the doctor says that nothing protects the server from engines, and the way out', async () => {
  expect(await checkWith({})).toMatchObject({
    state: 'warning',
    said: expect.stringContaining('engines read whatever the server can read'),
    fix: expect.stringContaining('Install bubblewrap'),
  });
});

test('the doctor says that bubblewrap is installed and does not work, and repeats why', async () => {
  const refused = 'bwrap: No permissions to create new namespace';
  expect(await checkWith({ bwrap: `echo "${refused}" >&2; exit 1` })).toMatchObject({
    state: 'warning',
    said: expect.stringContaining(refused),
    fix: expect.stringContaining('user namespaces'),
  });
});

test('the doctor is content where bubblewrap runs the small program that it is given', async () => {
  // This stands in for bubblewrap. The suite test:engines tries the real one.
  const found = await checkWith({ bwrap: 'exit 0' });
  expect(found).toMatchObject({ state: 'ok', said: expect.stringContaining('bubblewrap') });
});

test('the doctor names regions that switch the sandbox off', async () => {
  const regions = [{ name: 'here', kind: 'local', sandbox: 'off' }];
  expect(await checkWith({}, { regions })).toMatchObject({ state: 'warning', said: expect.stringContaining('here') });
});

test('without a local region there is nothing to protect', async () => {
  const regions = [{ name: 'eu', kind: 'kubernetes', namespace: 'ecolink', ecolink_image: 'ecolink:test' }];
  expect(await checkWith({}, { regions })).toMatchObject({ state: 'ok' });
});
