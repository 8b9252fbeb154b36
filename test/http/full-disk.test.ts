import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { missing } from '../support/missing.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import { startTestServer } from '../support/server.ts';
import { smallFileSystem } from '../support/small-file-system.ts';

const mib = 1024 ** 2;

/** Writes until not one byte more fits. */
async function fill(path: string): Promise<void> {
  for (let piece = mib; piece >= 1; piece = Math.floor(piece / 2)) {
    while (await appendFile(path, Buffer.alloc(piece, 1)).then(() => true, isFull));
  }
}

function isFull(thrown: unknown): false {
  expect(thrown).toMatchObject({ code: 'ENOSPC' });
  return false;
}

test('a full disk has a name, calls that need no disk go on, and all goes on when space is free again', async () => {
  await using disk = await smallFileSystem(8 * mib);
  if (!disk.isMounted) return missing('no file system can be mounted here, so a full data folder was not tested.');
  await using folder = await modelFolder();
  await using server = await startTestServer({ parent: disk.path, config: folder.config });
  const token = await server.token('read', 'operate');
  const call = async (operation: string, input: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await server.fetch(`/api/operations/${operation}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(input),
    });
    return { status: answer.status, body: await answer.json() };
  };
  await fill(join(disk.path, 'ballast'));
  // The first use of the token would be noted.
  expect(await call('list_models', {})).toMatchObject({ status: 200, body: { items: [] } });
  expect(await call('register_model', tiny)).toMatchObject({ status: 503, body: { error: { code: 'no_space' } } });
  expect(await call('list_models', {})).toMatchObject({ status: 200, body: { items: [] } });
  await rm(join(disk.path, 'ballast'));
  expect(await call('register_model', tiny)).toMatchObject({ status: 200, body: { state: 'registered' } });
});
