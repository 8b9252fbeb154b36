import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { batchBytes } from '../../../src/core/download/wire/place-writer.ts';
import { RawClient } from '../../../src/core/download/wire/raw-client.ts';

const size = 16 * batchBytes;
/** Begins a head, and ends it together with the body. In a thread of its own, it sends while the other does not read. */
const server = `
const { parentPort } = require('node:worker_threads');
const answer = Buffer.concat([
  Buffer.from('HTTP/1.1 200 OK\\r\\nContent-Length: ${size}\\r\\n\\r\\n'),
  Buffer.alloc(${size}, 'weights'),
]);
const server = require('node:net').createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => socket.write(answer.subarray(0, 9), () => parentPort.postMessage('begun')));
  socket.on('data', () => setTimeout(() => socket.write(answer.subarray(9)), 20));
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`;

test('a head whose end comes together with more than a buffer holds does not end the reading of its body', async () => {
  const worker = new Worker(server, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  using client = new RawClient(2000);
  const url = new URL(`http://127.0.0.1:${port}/`);
  const expected = Buffer.alloc(size, 'weights');
  const got = Buffer.alloc(size);
  const sink = {
    write: async (batch: Buffer[], at: number) => void Buffer.concat(batch).copy(got, at),
    received: () => {},
    written: () => undefined,
  };
  // The kernel holds more for a reader from answer to answer.
  for (let request = 0; request < 5; request++) {
    const asked = client.get(url, {}, new AbortController().signal);
    await once(worker, 'message');
    await turn();
    // The kernel's share of the answer is there before any of it is read.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    got.fill(0);
    await (await asked).writeTo({ start: 0, end: size }, sink);
    expect(got.equals(expected)).toBe(true);
  }
  await worker.terminate();
});
