import { createHash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Hasher } from '../../../src/core/download/disk/hasher.ts';
import { Writer } from '../../../src/core/download/disk/writer.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { MiB, temporaryFolder } from './pulling.ts';

const stated = { algorithm: 'sha256', prefix: '', digest: '' } as const;

test('files that are hashed at the same time each get their own digest', async () => {
  await using folder = await temporaryFolder();
  const contents = Array.from({ length: 6 }, (_, seed) => bytesOf({ size: 2 * MiB + seed, seed: `hash ${seed}` }));
  const write = async (bytes: Buffer, index: number) => {
    const path = join(folder.path, String(index));
    await writeFile(path, bytes);
    return open(path);
  };
  const handles = await Promise.all(contents.map(write));
  await using hasher = new Hasher();
  const hashes = handles.map((handle, index) => hasher.open(handle.fd, contents[index]?.length ?? 0, stated));
  for (const hash of hashes) hash.advance(MiB);
  const digests = await Promise.all(hashes.map((hash) => hash.finish()));
  expect(digests).toEqual(contents.map((bytes) => createHash('sha256').update(bytes).digest('hex')));
  await Promise.all(hashes.map((hash) => hash.drop()));
  await Promise.all(handles.map((handle) => handle.close()));
});

test('a file that cannot be read is an error for the later request of its digest', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'short');
  await writeFile(path, Buffer.alloc(MiB));
  await using handle = await open(path);
  await using hasher = new Hasher();
  const short = hasher.open(handle.fd, 3 * MiB, stated);
  short.advance(2 * MiB);
  // These come after it in the same thread, so the error has happened by now.
  for (const each of Array.from({ length: 8 }, () => hasher.open(handle.fd, MiB, stated))) await each.finish();
  await expect(short.finish()).rejects.toThrow(`The file ends at byte ${MiB}`);
});

test('all bytes are written, from shared memory or not, and an error keeps the system’s code', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'out');
  const content = bytesOf({ size: 3 * MiB, seed: 'written' });
  const shared = Buffer.from(new SharedArrayBuffer(MiB));
  content.copy(shared, 0, 0, MiB);
  await using writer = new Writer();
  await using handle = await open(path, 'w');
  await Promise.all([
    writer.write(handle.fd, [content.subarray(MiB, 2 * MiB), content.subarray(2 * MiB)], MiB),
    writer.write(handle.fd, [shared], 0),
  ]);
  expect(content.equals(await readFile(path))).toBe(true);
  await using readOnly = await open(path);
  await expect(writer.write(readOnly.fd, [shared], 0)).rejects.toMatchObject({ code: 'EBADF' });
});
