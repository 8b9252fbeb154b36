import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createHub } from '../../../src/core/hub/hub.ts';
import { ggufHeader } from '../../support/gguf.ts';
import { MiB } from '../download/pulling.ts';
import { startMachine, temporaryFolder } from '../instances/support/machine.ts';

const header = ggufHeader({
  'general.architecture': 'qwen3',
  'qwen3.block_count': 28,
  'qwen3.context_length': 40_960,
  'qwen3.embedding_length': 1024,
  'qwen3.attention.head_count': 16,
  'qwen3.attention.head_count_kv': 8,
  'qwen3.attention.key_length': 128,
  'qwen3.pooling_type': 3,
});
const model = Buffer.concat([header, Buffer.alloc(5 * MiB, 1)]);
const accelerators = [{ name: 'small', memory_gib: 8 }];

test('the header of a GGUF file tells memory, context and category, in a repo and in a folder', async () => {
  const shared = await temporaryFolder();
  await mkdir(join(shared, 'model'));
  await writeFile(join(shared, 'model/model.gguf'), model);
  const machine = await startMachine({
    reconcile: false,
    file: {
      regions: [{ name: 'here', kind: 'local', accelerators }],
      filesystems: [{ name: 'nfs', region: 'here', path: shared }],
    },
  });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/qwen', { files: { 'model.gguf': model } });
  const inRepo = await machine.run('check_model', { source: 'huggingface', repo: 'acme/qwen', category: 'chat' });
  const inFolder = { source: 'filesystem', filesystem: 'nfs', subfolder: 'model' };
  const outcomes = [inRepo, await machine.run('check_model', { ...inFolder, category: 'chat' })];
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      memory_bytes: expect.any(Number),
      fits: [{ accelerator: 'small', count: 1, context_length: 40_960 }],
    });
  }
  expect(machine.hub.bytesSent()).toBeLessThan(MiB);
  expect(await machine.run('check_model', inFolder)).toMatchObject({ category: 'embedding' });
});

test('no more than the head is read from a server that ignores ranges and never ends', async () => {
  const server = createServer((_request, response) => {
    response.on('error', () => undefined);
    const more = (): void => {
      while (!response.destroyed && response.write(model));
    };
    response.on('drain', more);
    more();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const hub = createHub(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const head = await hub.readHead('acme/qwen', 'c'.repeat(40), 'model.gguf', 1000, undefined);
  expect(head.equals(model.subarray(0, 1000))).toBe(true);
});
