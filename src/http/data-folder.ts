import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const serverFile = z.object({ url: z.url(), pid: z.int().positive(), started_at: z.string() });

/** What a running server says of itself in its data folder. */
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

/** Undefined where no server left a file, or something else did. */
export async function readServerFile(dataDir: string): Promise<ServerFile | undefined> {
  const text = await readOrNothing(serverFilePath(dataDir));
  if (text === undefined) return undefined;
  try {
    return serverFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Leaves the file of a server that was started since. */
export async function removeServerFile(dataDir: string, mine: ServerFile): Promise<void> {
  const found = await readServerFile(dataDir);
  if (found?.pid === mine.pid && found.started_at === mine.started_at)
    await rm(serverFilePath(dataDir), { force: true });
}

export async function readLocalToken(dataDir: string): Promise<string | undefined> {
  const token = (await readOrNothing(localTokenPath(dataDir)))?.trim();
  return token === '' ? undefined : token;
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}
