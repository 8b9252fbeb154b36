import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listInside } from '../../../src/core/regions/local/filesystems/folders.ts';
import { unreadableWarnings } from '../../../src/core/registry/folder.ts';

test('weights that only their owner may read are warned of where engines are other users', async () => {
  const root = await mkdtemp(join(tmpdir(), 'ecolink-unreadable-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [name, mode] of [
    ['a.safetensors', 0o600],
    ['b.safetensors', 0o640],
    ['c.txt', 0o600],
  ] as const) {
    await writeFile(join(root, name), 'x');
    await chmod(join(root, name), mode);
  }
  const entries = listInside(root, '');
  const selected = ['a.safetensors', 'b.safetensors'];
  expect(unreadableWarnings(entries, selected, { runtimeKind: 'kubernetes' })).toEqual([
    expect.stringContaining('Only the owner of a.safetensors may read it.'),
  ]);
  expect(unreadableWarnings(entries, ['b.safetensors'], { runtimeKind: 'kubernetes' })).toEqual([]);
  expect(unreadableWarnings(entries, selected, { runtimeKind: 'local' })).toEqual([]);
});
