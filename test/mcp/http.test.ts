import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Caller } from '../../src/core/base/caller.ts';
import { loadConfig } from '../../src/core/config/load.ts';
import type { Core, ExecuteOptions } from '../../src/core/core.ts';
import { createCore } from '../../src/core/create-core.ts';
import { createLog } from '../../src/core/base/log.ts';
import { createMcpHttp } from '../../src/mcp/http.ts';
import { defined } from '../support/defined.ts';
import { clientKinds } from './clients.ts';
import { converse, errorIn } from './conversation.ts';
import { makePlace } from './place.ts';

const resources = new AsyncDisposableStack();
let core: Core;
/** Two callers of one endpoint: this machine's person, and a token of theirs that may only read. */
const callers: Record<string, Caller> = {};
let url: URL;

beforeAll(async () => {
  const place = resources.use(await makePlace());
  core = resources.use(
    await createCore(loadConfig(place.environment), createLog({ level: 'silent', pretty: false }), {
      reconcile: false,
    }),
  );
  const person = await core.access.local();
  callers['all'] = {
    person,
    identity: 'local',
    agent: false,
    mayDecide: false,
    source: 'http',
    scopes: ['call', 'read', 'operate'],
  };
  callers['reader'] = { ...callers['all'], identity: 'token:reader', scopes: ['read'] };
  url = await serve();
});

afterAll(() => resources.disposeAsync());

/** The smallest server that mounts the endpoint; the header says who has been let in. */
async function serve({
  readBodyFirst = false,
  behind = core,
  stopping = new AbortController().signal,
} = {}): Promise<URL> {
  const mcp = resources.use(createMcpHttp({ core: behind, version: '1.2.3', stopping }));
  const server = createServer(async (request, response) => {
    const caller = defined(callers[String(request.headers['x-caller'] ?? 'all')]);
    const body = readBodyFirst && request.method === 'POST' ? await jsonOf(request) : undefined;
    await mcp.handle(request, response, caller, body);
  });
  resources.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return new URL(`http://127.0.0.1:${z.object({ port: z.int() }).parse(server.address()).port}/mcp`);
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text);
}

describe.each(clientKinds)('$name over HTTP', (kind) => {
  const slug = kind.name.replaceAll(/[^a-z0-9]+/g, '-');

  it('lists the tools, reads, is told what was wrong, and changes something once', async () => {
    const assistant = await kind.overHttp(url);
    onTestFinished(() => assistant.close());
    await expect(converse(assistant, `over-http-${slug}`)).resolves.toBeUndefined();
  });

  it('is served where somebody has read the body already', async () => {
    const assistant = await kind.overHttp(await serve({ readBodyFirst: true }));
    onTestFinished(() => assistant.close());
    expect((await assistant.call('list_filesystems', {})).structuredContent).toMatchObject({
      items: [{ name: 'shelf' }],
    });
  });

  it('acts as its own caller beside others on the same endpoint', async () => {
    const reader = await kind.overHttp(url, { 'x-caller': 'reader' });
    const all = await kind.overHttp(url);
    onTestFinished(() => Promise.all([reader.close(), all.close()]).then(() => undefined));
    const input = { model: 'no-such-model' };
    const answers = await Promise.all([
      reader.call('delete_model', input),
      all.call('delete_model', input),
      reader.call('list_models', {}),
    ]);
    expect(errorIn(answers[0])).toMatchObject({ code: 'scope_missing' });
    expect(errorIn(answers[1])).toMatchObject({ code: 'model_not_found' });
    expect(answers[2].isError).not.toBe(true);
  });
});

it('records whatever comes over MCP as an agent that acts for its person', async () => {
  const assistant = await clientKinds[0]!.overHttp(url);
  onTestFinished(() => assistant.close());
  errorIn(await assistant.call('delete_model', { model: 'never-there' }));
  const { items } = await core.execute('list_audit', { operation: 'delete_model' }, defined(callers['all']));
  expect(items[0]).toMatchObject({ agent: true, source: 'mcp', person: callers['all']?.person.name });
});

it('answers nonsense with a JSON-RPC error and goes on serving', async () => {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const answer = await fetch(url, { method: 'POST', headers, body: '{"jsonrpc": "2.0", "id": 1,' });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32700 } });
  const tooLarge = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ x: 'a'.repeat(5 * 1024 ** 2) }),
  });
  expect(tooLarge.status).toBe(413);
  expect((await fetch(url, { headers })).status).toBe(405);
  const assistant = await clientKinds[0]!.overHttp(url);
  expect(await assistant.tools()).toContain('list_models');
  await assistant.close();
});

it.each([
  ['a 2026-07-28 client', clientKinds[0]],
  ['a 1.x client', clientKinds[2]],
])('ends the wait of an operation when %s goes away', async (_name, kind) => {
  const begun = Promise.withResolvers<AbortSignal | undefined>();
  // Only its execute is another one: no real operation waits for long without an engine that is slow to start.
  const waiting: Core = {
    ...core,
    execute: (_operation: string, _input: unknown, _caller: Caller, options?: ExecuteOptions) => {
      begun.resolve(options?.signal);
      return new Promise<never>(() => {});
    },
  };
  const assistant = await kind!.overHttp(await serve({ behind: waiting }));
  const answer = assistant.call('get_instance', { instance: '1', wait_seconds: 30 });
  const signal = await begun.promise;
  expect(signal?.aborted).toBe(false);
  await Promise.all([assistant.close(), expect(answer).rejects.toThrow()]);
  await expect.poll(() => signal?.aborted).toBe(true);
});
