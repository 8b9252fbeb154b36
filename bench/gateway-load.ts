import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** One subject of the bench, as a client calls it. */
export interface Target {
  port: number;
  path: string;
  headers: Record<string, string>;
}

export interface LoadOptions {
  body: string;
  connections: number;
  ms: number;
}

export interface Load {
  perSecond: number;
  p50: number;
  p99: number;
  failed: number;
}

/**
 * Calls a target over kept connections, each with one call at a time. Own code: the load generators on npm need more CPU
 * time than the gateways, and share the cores with them.
 */
export async function load(target: Target, { body, connections, ms }: LoadOptions): Promise<Load> {
  const request = requestBytes(target, body);
  const times: number[] = [];
  let failed = 0;
  const until = performance.now() + ms;
  const one = async (): Promise<void> => {
    const socket = connect(target.port, '127.0.0.1');
    socket.setNoDelay();
    try {
      while (performance.now() < until) {
        const begun = performance.now();
        if (await call(socket, request)) times.push(performance.now() - begun);
        else failed++;
      }
    } finally {
      socket.destroy();
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - begun) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99), failed };
}

function requestBytes({ path, headers }: Target, body: string): Buffer {
  const all = { host: '127.0.0.1', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const lines = Object.entries({ ...all, ...headers }).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** True if the answer is complete and its status is 200. */
function call(socket: Socket, request: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString('latin1');
      if (!isComplete(seen)) return;
      end();
      resolve(seen.startsWith('HTTP/1.1 200'));
    };
    const onClose = (): void => {
      end();
      reject(new Error('The connection was closed.'));
    };
    const end = (): void => void socket.off('data', onData).off('close', onClose).off('error', onClose);
    socket.on('data', onData).once('close', onClose).once('error', onClose);
    socket.write(request);
  });
}

function isComplete(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
  return length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= head + 4 + Number(length);
}
