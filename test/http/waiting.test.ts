import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import type { Changes } from '../../src/core/base/changes.ts';
import { connect } from '../../src/client/client.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

/** A server with an instance that stays pending, because nothing does the work. */
async function withPendingInstance(): Promise<TestServer> {
  const server = await startTestServer({
    graceMs: 10_000,
    async prepare(dataDir) {
      await mkdir(join(dataDir, 'shared', 'tiny'), { recursive: true });
      await writeFile(join(dataDir, 'shared', 'tiny', 'tiny.gguf'), makeTinyGguf());
      const filesystems = [{ name: 'shared', region: 'local', path: join(dataDir, 'shared') }];
      await writeFile(join(dataDir, 'ecolink.yaml'), JSON.stringify({ filesystems }));
    },
  });
  const client = await connect({ dataDir: server.dataDir, source: 'cli' });
  const source = { source: 'filesystem', filesystem: 'shared', subfolder: 'tiny' } as const;
  await client.call('register_model', { name: 'tiny', category: 'chat', ...source });
  await client.call('launch_instance', { model: 'tiny' });
  return server;
}

/** Resolves when a call begins to wait for a change. */
function nextSubscription(changes: Changes): Promise<void> {
  const subscribe = changes.subscribe.bind(changes);
  return new Promise((resolve) => {
    changes.subscribe = (listener) => {
      resolve();
      return subscribe(listener);
    };
  });
}

async function waitsThatEnded(server: TestServer): Promise<number> {
  const text = await (await server.fetch('/metrics')).text();
  return Number(/ecolink_operation_duration_seconds_count\{operation="get_instance"\} (\d+)/.exec(text)?.[1] ?? 0);
}

test('a wait ends in the server when its caller disconnects', async () => {
  await using server = await withPendingInstance();
  const client = await connect({ dataDir: server.dataDir, source: 'cli' });
  const abort = new AbortController();
  const subscribed = nextSubscription(server.core.changes);
  const call = client.call('get_instance', { instance: 1, wait_seconds: 30 }, { signal: abort.signal });
  await subscribed;
  expect(await waitsThatEnded(server)).toBe(0);
  abort.abort();
  await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  await expect.poll(() => waitsThatEnded(server), { timeout: 20_000 }).toBe(1);
});

test('a wait returns the present state when the server stops', async () => {
  await using server = await withPendingInstance();
  const client = await connect({ dataDir: server.dataDir, source: 'cli' });
  const subscribed = nextSubscription(server.core.changes);
  const call = client.call('get_instance', { instance: 1, wait_seconds: 30 });
  await subscribed;
  const [answer] = await Promise.all([call, server.server.close()]);
  expect(answer.state).toBe('pending');
});

test('a wait of an assistant over HTTP ends when the server stops', async () => {
  await using server = await withPendingInstance();
  const subscribed = nextSubscription(server.core.changes);
  const call = { name: 'get_instance', arguments: { instance: '1', wait_seconds: 25 } };
  const answer = server.fetch('/mcp', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.localToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call }),
  });
  await subscribed;
  const stopped = server.server.close();
  expect(await (await answer).text()).toContain('pending');
  await stopped;
});
