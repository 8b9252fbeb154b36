import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { clientKinds } from './clients.ts';
import type { Program } from './clients.ts';
import { converse, errorIn } from './conversation.ts';
import { makePlace } from './place.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const resources = new AsyncDisposableStack();
let ecolinkMcp: Program;
let dataDir: string;

beforeAll(async () => {
  const place = resources.use(await makePlace());
  dataDir = place.dataDir;
  const env = { ...place.environment, PATH: process.env['PATH'] ?? '', HOME: dataDir };
  const server = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(server, 'exit');
  resources.defer(async () => {
    server.kill();
    await ended;
  });
  const started = () => {
    if (!existsSync(join(dataDir, 'server.json'))) throw new Error('The server has not started yet.');
  };
  await vi.waitFor(started, { timeout: 30_000 });
  ecolinkMcp = { command: process.execPath, args: [main, 'mcp', '--no-start'], env };
});

afterAll(() => resources.disposeAsync());

describe.each(clientKinds)('$name over stdio', (kind) => {
  const slug = kind.name.replaceAll(/[^a-z0-9]+/g, '-');

  it('lists the tools, reads, is told what was wrong, and changes something once', async () => {
    const assistant = await kind.overStdio(ecolinkMcp);
    onTestFinished(() => assistant.close());
    await expect(converse(assistant, `over-stdio-${slug}`)).resolves.toBeUndefined();
  });
});

it('serves several assistants at once, each with a process of its own', async () => {
  const assistants = await Promise.all(
    [0, 1, 2, 3].map((number) => clientKinds[number % clientKinds.length]!.overStdio(ecolinkMcp)),
  );
  onTestFinished(() => Promise.all(assistants.map((assistant) => assistant.close())).then(() => undefined));
  await Promise.all(assistants.map((assistant, number) => converse(assistant, `one-of-many-${number}`)));
  const answers = await Promise.all(
    assistants.map((assistant) => assistant.call('list_models', { query: 'one-of-many' })),
  );
  for (const { structuredContent } of answers) expect(structuredContent?.['items']).toHaveLength(4);
});

it('writes nothing but JSON-RPC to standard output, survives lines that are none, and ends with its input', async () => {
  const child = spawn(ecolinkMcp.command, ecolinkMcp.args, { env: ecolinkMcp.env });
  const ended = once(child, 'exit');
  const complaints = text(child.stderr);
  const lines: unknown[] = [];
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  child.stdin.write('this is no message\n{"nor": "is this"}\n');
  send({
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '0' } },
  });
  send({ method: 'notifications/initialized' });
  send({ id: 2, method: 'tools/call', params: { name: 'list_models', arguments: { hf_secret_field: 1 } } });
  await expect.poll(() => lines).toHaveLength(2);
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
  reader.close();
  expect(lines).toMatchObject([
    { id: 1, result: { protocolVersion: '2025-06-18', serverInfo: { name: 'ecolink' } } },
    { id: 2, result: { isError: true } },
  ]);
  expect(await complaints).toMatch(/^ecolink mcp: /);
});

it.each(clientKinds)('gives $name at /mcp of the server what it gives over stdio, for a token', async (kind) => {
  const server: unknown = JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8'));
  const { url } = z.object({ url: z.string() }).parse(server);
  const token = (await readFile(join(dataDir, 'local-token'), 'utf8')).trim();
  const endpoint = new URL('/mcp', url);
  await expect(kind.overHttp(endpoint, { authorization: 'Bearer eco_wrong' })).rejects.toThrow();
  const overHttp = await kind.overHttp(endpoint, { authorization: `Bearer ${token}` });
  const overStdio = await kind.overStdio(ecolinkMcp);
  onTestFinished(() => Promise.all([overHttp.close(), overStdio.close()]).then(() => undefined));
  const question = ['get_model', { model: 'nobody' }] as const;
  const missing = errorIn(await overStdio.call(...question));
  expect(missing['next_step']).toBe('list_models shows the names. register_model adds one.');
  expect(await overHttp.tools()).toEqual(await overStdio.tools());
  expect(await overHttp.call('list_models', {})).toEqual(await overStdio.call('list_models', {}));
  expect(await overHttp.call(...question)).toEqual(await overStdio.call(...question));
});
