import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemErrorCode } from '../core/base/system-error.ts';

const serverFile = z.object({
  url: z.url(),
  pid: z.int().positive(),
  started_at: z.string(),
  /** A Unix socket in a folder that only the server's account can write. A server of an older version has none. */
  socket: z.string().optional(),
});

/** How a running server can be reached, as it writes it into its data folder. */
export type ServerFile = z.output<typeof serverFile>;

export function localTokenPath(dataDir: string): string {
  return join(dataDir, 'local-token');
}

function serverFilePath(dataDir: string): string {
  return join(dataDir, 'server.json');
}

/** Replaces the file in one step: a client finds the old one or the new one, never half of it. */
export async function writeServerFile(dataDir: string, content: ServerFile): Promise<void> {
  const path = serverFilePath(dataDir);
  const draft = `${path}.${content.pid}`;
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

/** Undefined if there is no file, or if it is not a server's. */
export async function readServerFile(dataDir: string): Promise<ServerFile | undefined> {
  const text = await readIfThere(serverFilePath(dataDir));
  if (text === undefined) return undefined;
  try {
    return serverFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Removes the file, unless another server has replaced it. */
export async function removeServerFile(dataDir: string, mine: ServerFile): Promise<void> {
  const found = await readServerFile(dataDir);
  if (found?.pid === mine.pid && found.started_at === mine.started_at)
    await rm(serverFilePath(dataDir), { force: true });
}

export async function readLocalToken(dataDir: string): Promise<string | undefined> {
  const token = (await readIfThere(localTokenPath(dataDir)))?.trim();
  return token === '' ? undefined : token;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
