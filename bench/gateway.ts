import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { nodeFlags } from '../src/cli/node-flags.ts';
import type { BenchOptions } from './bench.ts';
import { load } from './gateway-load.ts';
import type { Load, Target } from './gateway-load.ts';

/**
 * Calls through EcoLink's gateway, against none, nginx, and Portkey's gateway. Each has one process. Rounds are interleaved,
 * and figures are medians, because other work on the machine changes them: compare ratios. `NGINX_PROGRAM` names nginx's program,
 * `PORTKEY_GATEWAY` Portkey's `start-server.js`. `OTHER_GATEWAY` is the port of a gateway that is already running.
 */
const rounds = 5;
const connectionCounts = [1, 16, 64];
const listening = z.object({ port: z.int() });
const servers = fileURLToPath(new URL('gateway-servers.ts', import.meta.url));

interface Subject {
  name: string;
  target: Target;
  /** To read its memory. Undefined: no process of its own. */
  pid?: number | undefined;
}

export async function run({ quick, json, only }: BenchOptions): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-bench-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const subjects = await startSubjects(folder, undo);
  const figures: Record<string, number> = {};
  for (const stream of [false, true]) {
    for (const connections of connectionCounts) {
      const part = `${stream ? 'stream' : 'plain'} ${connections}`;
      if (!part.includes(only)) continue;
      const body = JSON.stringify({ messages: [{ role: 'user', content: 'Say hello.' }], stream, model: 'm:1' });
      Object.assign(
        figures,
        await compare(part, subjects, { body, connections, ms: quick ? 300 : 1500 }, quick ? 1 : rounds),
      );
      if (!json) print(part, subjects, figures);
    }
  }
  for (const { name, pid } of subjects) {
    const memory = pid === undefined ? undefined : await residentMib(pid);
    if (memory !== undefined) figures[`${name} memory MiB`] = memory;
  }
  process.stdout.write(`${JSON.stringify({ bench: 'gateway', figures }, null, 2)}\n`);
}

async function compare(
  part: string,
  subjects: readonly Subject[],
  options: Parameters<typeof load>[1],
  times: number,
): Promise<Record<string, number>> {
  const measured = new Map<string, Load[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < times; round++)
    for (const { name, target } of subjects) measured.get(name)?.push(await load(target, options));
  const figures: Record<string, number> = {};
  for (const [name, loads] of measured) {
    figures[`${name} ${part} per second`] = median(loads.map(({ perSecond }) => perSecond));
    figures[`${name} ${part} p50 ms`] = median(loads.map(({ p50 }) => p50));
    figures[`${name} ${part} p99 ms`] = median(loads.map(({ p99 }) => p99));
    figures[`${name} ${part} failed`] = loads.reduce((sum, { failed }) => sum + failed, 0);
  }
  return figures;
}

function print(part: string, subjects: readonly Subject[], figures: Record<string, number>): void {
  for (const { name } of subjects) {
    const of = (what: string): number => Math.round((figures[`${name} ${part} ${what}`] ?? NaN) * 100) / 100;
    const line = `${of('per second')}/s, p50 ${of('p50 ms')} ms, p99 ${of('p99 ms')} ms, failed ${of('failed')}`;
    process.stderr.write(`${part.padEnd(10)} ${name.padEnd(8)} ${line}\n`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function startSubjects(folder: string, undo: AsyncDisposableStack): Promise<Subject[]> {
  const path = '/v1/chat/completions';
  const headers = { authorization: 'Bearer bench' };
  const engine = await startNode(['engine'], undo);
  const gateway = await startNode(
    ['gateway', join(folder, 'gateway'), `http://127.0.0.1:${engine.port}`, '10000'],
    undo,
  );
  const subjects: Subject[] = [
    { name: 'direct', target: { port: engine.port, path, headers } },
    { name: 'ecolink', target: { port: gateway.port, path, headers }, pid: gateway.pid },
  ];
  const { NGINX_PROGRAM: nginx, PORTKEY_GATEWAY: portkey, OTHER_GATEWAY: other } = process.env;
  if (nginx !== undefined) {
    const port = await freePort();
    const config = join(folder, 'nginx.conf');
    await writeFile(config, nginxConfig(folder, port, engine.port));
    const child = start(nginx, ['-c', config, '-p', folder], {}, undo);
    await listens(port);
    subjects.push({ name: 'nginx', target: { port, path, headers }, pid: child.pid });
  }
  if (portkey !== undefined) {
    const port = await freePort();
    const child = start(
      process.execPath,
      [portkey, `--port=${port}`, '--headless'],
      { TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
      undo,
    );
    await listens(port);
    const own = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `http://127.0.0.1:${engine.port}/v1` };
    subjects.push({ name: 'portkey', target: { port, path, headers: { ...headers, ...own } }, pid: child.pid });
  }
  if (other !== undefined) subjects.push({ name: 'other', target: { port: Number(other), path, headers } });
  return subjects;
}

async function startNode(words: string[], undo: AsyncDisposableStack) {
  const child = start(process.execPath, [...nodeFlags, servers, ...words], {}, undo);
  if (!child.stdout) throw new Error('A program of the bench has no standard output.');
  for await (const line of createInterface(child.stdout))
    return { ...listening.parse(JSON.parse(line)), pid: child.pid };
  throw new Error(`The program ${words[0]} ended.`);
}

function start(
  program: string,
  words: string[],
  more: Record<string, string>,
  undo: AsyncDisposableStack,
): ChildProcess {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', program === process.execPath && words.includes('--headless') ? 'ignore' : 'inherit'],
    env: { ...process.env, ...more },
  });
  undo.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

/** One worker that logs nothing and buffers nothing, with kept connections. */
function nginxConfig(folder: string, port: number, engine: number): string {
  return `daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  keepalive_requests 10000000; client_max_body_size 64m;
  upstream engine { server 127.0.0.1:${engine}; keepalive 256; keepalive_requests 10000000; }
  server { listen 127.0.0.1:${port};
    location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = listening.parse(server.address());
  server.close();
  return port;
}

async function listens(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await pause(50);
  }
  throw new Error(`Nothing listens on port ${port}.`);
}

/** Linux only. */
async function residentMib(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /VmRSS:\s+(\d+)/.exec(status)?.[1];
  return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
}
