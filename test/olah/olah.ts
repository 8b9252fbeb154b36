import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { vi } from 'vitest';

export interface Olah extends AsyncDisposable {
  endpoint: string;
  /** What it has logged; a line for each request. */
  output(): string;
}

/** Starts olah: over git repos below `mirrors` (`models/<owner>/<name>`), or as a caching mirror of the Hub at `upstream`. */
export async function startOlah(folder: string, from: { mirrors: string } | { upstream: string }): Promise<Olah> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const upstream = 'upstream' in from ? new URL(from.upstream) : undefined;
  const basic = {
    host: '127.0.0.1',
    port,
    'repos-path': join(folder, 'repos'),
    ...(upstream ? { 'hf-scheme': 'http', 'hf-netloc': upstream.host, 'hf-lfs-netloc': upstream.host } : {}),
    ...('mirrors' in from ? { 'mirrors-path': [from.mirrors] } : {}),
  };
  const lines = Object.entries(basic).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const config = `[basic]\n${lines.join('\n')}\n[accessibility]\noffline = ${upstream === undefined}\n`;
  await writeFile(join(folder, 'olah.toml'), config);
  const program = process.env['ECOLINK_TEST_OLAH'] ?? '';
  const child = spawn(program, ['--config', join(folder, 'olah.toml'), '--log-path', join(folder, 'logs')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const endpoint = `http://127.0.0.1:${port}`;
  const answers = vi.waitFor(() => fetch(`${endpoint}/api/nothing`), { timeout: 45_000, interval: 100 });
  await Promise.race([answers, ended.then(() => Promise.reject(new Error(`olah ended: ${output}`)))]);
  return {
    endpoint,
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
