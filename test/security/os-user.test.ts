import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/client/client.ts';
import type { Client } from '../../src/client/client.ts';
import { readServerFile, writeServerFile } from '../../src/client/data-folder.ts';
import type { ServerFile } from '../../src/client/data-folder.ts';
import { startTestServer } from '../support/server.ts';

// Another account of the machine: it can take a free port, and read what file modes let it read.

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-os-user-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that was killed leaves its files, and its port to another account. */
async function killedServer(): Promise<{ dataDir: string; url: string; left: ServerFile; client: Client }> {
  const dataDir = await emptyFolder();
  await using server = await startTestServer();
  const left = await readServerFile(server.dataDir);
  if (left?.socket === undefined) throw new Error('The server names no socket.');
  const client = await connect({ dataDir: server.dataDir, source: 'mcp' });
  await cp(join(server.dataDir, 'local-token'), join(dataDir, 'local-token'));
  await writeServerFile(dataDir, left);
  await writeFile(join(dataDir, 'server.sock'), '');
  return { dataDir, url: server.url, left, client };
}

test('another program on the port of a killed server is sent nothing at all', async () => {
  const { dataDir, url, left, client } = await killedServer();
  const sent: string[] = [];
  const recorder = createTcpServer((socket) => {
    sent.push('connection');
    socket.on('data', (bytes) => void sent.push(bytes.toString()));
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"service":"ecolink"}');
  }).listen(Number(new URL(url).port), '127.0.0.1');
  await once(recorder, 'listening');
  const gone = { code: 'server_not_running' };
  // A new client, one that names the address, and one that was connected when the server died.
  await expect(connect({ dataDir, source: 'cli' })).rejects.toMatchObject(gone);
  await expect(connect({ dataDir, source: 'cli', url })).rejects.toMatchObject(gone);
  await expect(client.call('list_models', {})).rejects.toMatchObject(gone);
  await writeServerFile(dataDir, { ...left, socket: join(dataDir, 'server.sock') });
  await expect(connect({ dataDir, source: 'cli' })).rejects.toMatchObject(gone);
  await writeServerFile(dataDir, { ...left, socket: undefined });
  await expect(connect({ dataDir, source: 'cli' })).rejects.toMatchObject({ code: 'server_outdated' });
  await writeServerFile(dataDir, { ...left, socket: undefined, pid: 2 ** 22 + 1 });
  await expect(connect({ dataDir, source: 'cli' })).rejects.toMatchObject(gone);
  expect(sent).toEqual([]);
  recorder.close();
});

test('a folder that another account can write is no place to find a server', async () => {
  await using server = await startTestServer();
  await chmod(server.dataDir, 0o777);
  await expect(connect({ dataDir: server.dataDir, source: 'cli' })).rejects.toMatchObject({
    code: 'folder_not_private',
    nextStep: `Run: chmod 0700 ${server.dataDir}`,
  });
  const elsewhere = await emptyFolder();
  await chmod(elsewhere, 0o777);
  await chmod(server.dataDir, 0o700);
  const found = await readServerFile(server.dataDir);
  if (found) await writeServerFile(server.dataDir, { ...found, socket: join(elsewhere, 'server.sock') });
  await expect(connect({ dataDir: server.dataDir, source: 'cli' })).rejects.toMatchObject({
    code: 'folder_not_private',
  });
});

test('a data folder that was open before is closed at the start', async () => {
  await using server = await startTestServer({ prepare: (dataDir) => chmod(dataDir, 0o755) });
  expect(((await stat(server.dataDir)).mode & 0o777).toString(8)).toBe('700');
});

const nobody = 65_534;

test.skipIf(process.getuid?.() !== 0)(
  'another account reads no file of the data folder, and enters no folder',
  async () => {
    await using server = await startTestServer();
    const paths = ['local-token', 'ecolink.db', 'audit-heads.jsonl', 'server.json', '.'];
    for (const name of paths) {
      const path = join(server.dataDir, name);
      const look = spawnSync('sh', ['-c', 'cat "$0" || ls "$0"', path], { uid: nobody, gid: nobody, encoding: 'utf8' });
      expect([name, look.status === 0, look.stdout]).toEqual([name, false, '']);
    }
  },
);

test('health tells neither pid nor path', async () => {
  await using server = await startTestServer();
  const answer: unknown = await (await fetch(`${server.url}/healthz`)).json();
  expect(answer).toEqual({ status: 'ok', service: 'ecolink' });
});
