import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { batchBytes } from '../../../src/core/download/wire/range-writer.ts';
import { RawClient } from '../../../src/core/download/wire/raw-client.ts';

const size = 16 * batchBytes;

/**
 * A server in its own thread, so that it can send while this thread does not read. `each` is its code for a `socket`.
 */
async function serve(each: string) {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const server = require('node:net').createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      ${each}
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(code, { eval: true, workerData: sent });
  const [port] = z.tuple([z.int()]).parse(await once(worker, 'message'));
  return { worker, sent, url: new URL(`http://127.0.0.1:${port}/`) };
}

/** Sends the beginning of a head. On a message it sends the rest together with the body. */
const inTwo = `
  const answer = Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\\r\\nContent-Length: ${size}\\r\\n\\r\\n'),
    Buffer.alloc(${size}, 'weights'),
  ]);
  socket.on('data', () => socket.write(answer.subarray(0, 9), () => parentPort.postMessage('begun')));
  parentPort.on('message', () => {
    socket.write(answer.subarray(9));
    Atomics.store(workerData, 0, 1);
    Atomics.notify(workerData, 0);
  });`;

test('a head whose end comes together with more bytes than a buffer holds does not stop the read of its body', async () => {
  const { worker, sent, url } = await serve(inTwo);
  using client = new RawClient(2000);
  const expected = Buffer.alloc(size, 'weights');
  const got = Buffer.alloc(size);
  const sink = {
    write: async (batch: Buffer[], at: number) => void Buffer.concat(batch).copy(got, at),
    received: () => {},
    written: () => undefined,
  };
  // The kernel's buffer grows from response to response.
  for (let request = 0; request < 5; request++) {
    const asked = client.get(url, {}, new AbortController().signal);
    await once(worker, 'message');
    await turn();
    // The kernel's buffer is full before anything is read.
    worker.postMessage('go on');
    expect(Atomics.wait(sent, 0, 0, 10_000)).not.toBe('timed-out');
    sent[0] = 0;
    got.fill(0);
    await (await asked).writeTo({ start: 0, end: size }, sink);
    expect(got.equals(expected)).toBe(true);
  }
  await worker.terminate();
});

const closing = `
  socket.on('data', () => socket.end('HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 7\\r\\n\\r\\nweights'));`;

test('the memory of ended connections is reused, but not before it is written', async () => {
  const { worker, url } = await serve(closing);
  using client = new RawClient(2000);
  const memories = new Set<ArrayBufferLike>();
  const fetch = async (written: Promise<void>): Promise<ArrayBufferLike | undefined> => {
    let memory: ArrayBufferLike | undefined;
    const begun = Promise.withResolvers<void>();
    const sink = {
      write: (batch: Buffer[]) => {
        memory = batch[0]?.buffer;
        begun.resolve();
        return written;
      },
      received: () => {},
      written: () => undefined,
    };
    const answer = await client.get(url, {}, new AbortController().signal);
    const done = answer.writeTo({ start: 0, end: 7 }, sink);
    await begun.promise;
    if (memory) memories.add(memory);
    void done.catch(() => undefined);
    return memory;
  };
  for (let request = 0; request < 20; request++) await fetch(Promise.resolve());
  expect(memories.size).toBeLessThanOrEqual(2);
  const slow = Promise.withResolvers<void>();
  const busy = await fetch(slow.promise);
  memories.clear();
  for (let request = 0; request < 5; request++) await fetch(Promise.resolve());
  expect(memories).not.toContain(busy);
  slow.resolve();
  await worker.terminate();
});
