import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

/** Sends a body as fast as the client takes it, or at `throttle` bytes a second, with what the fault does to it. */
export async function sendBody(
  response: ServerResponse,
  chunks: Iterable<Buffer>,
  options: { fault: Fault | undefined; throttle: number | undefined; count: (bytes: number) => void },
): Promise<void> {
  const { fault, throttle } = options;
  let sent = 0;
  for (const whole of chunks) {
    const limit = cutAt(fault);
    const cut = limit === undefined ? whole : whole.subarray(0, Math.max(0, limit - sent));
    const chunk = flipped(cut, fault, sent);
    if (response.destroyed) return;
    options.count(chunk.length);
    if (chunk.length > 0) await write(response, chunk, throttle);
    sent += chunk.length;
    if (limit !== undefined && sent >= limit) return endEarly(response, fault);
  }
  response.end();
}

function cutAt(fault: Fault | undefined): number | undefined {
  const cuts = fault?.kind === 'reset' || fault?.kind === 'stall' || fault?.kind === 'short';
  return cuts ? fault.afterBytes : undefined;
}

function endEarly(response: ServerResponse, fault: Fault | undefined): void {
  if (fault?.kind === 'reset') response.req.socket.resetAndDestroy();
  if (fault?.kind === 'short' && fault.declared !== 'full') response.end();
  if (fault?.kind === 'short' && fault.declared === 'full') response.req.socket.end();
}

function flipped(chunk: Buffer, fault: Fault | undefined, sent: number): Buffer {
  if (fault?.kind !== 'flip' || fault.at < sent || fault.at >= sent + chunk.length) return chunk;
  const copy = Buffer.from(chunk);
  copy[fault.at - sent] = (copy[fault.at - sent] ?? 0) ^ 0x01;
  return copy;
}

async function write(response: ServerResponse, chunk: Buffer, throttle: number | undefined): Promise<void> {
  if (throttle === undefined) return writeAll(response, chunk);
  // A connection has one budget, whatever number of answers it carries.
  const socket = response.req.socket as { freeAt?: number };
  const step = Math.max(1, Math.min(chunk.length, Math.ceil(throttle / 50)));
  for (let at = 0; at < chunk.length && !response.destroyed; at += step) {
    const piece = chunk.subarray(at, at + step);
    await writeAll(response, piece);
    const from = Math.max(socket.freeAt ?? 0, performance.now() - 40);
    socket.freeAt = from + (piece.length / throttle) * 1000;
    const wait = socket.freeAt - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function writeAll(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (response.write(chunk) || response.destroyed) return;
  const done = new AbortController();
  const either = ['drain', 'close'].map((event) =>
    once(response, event, { signal: done.signal }).catch(() => undefined),
  );
  await Promise.race(either);
  done.abort();
}
