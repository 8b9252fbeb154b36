import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../base/system-error.ts';

/** Makes the entries of a folder durable. A rename is durable only after its folder was synced. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder. They write its entries synchronously.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(systemErrorCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** Writes a small file. After a crash it is either complete or not there. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
