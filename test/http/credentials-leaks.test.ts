import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { readLocalToken, readServerFile } from '../../src/client/data-folder.ts';
import { childEnvironment, mainFile } from '../cli/support/run-program.ts';
import { gossip, newToken, threePeople } from '../support/credentials.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { processes, searchFor } from '../support/leak-search.ts';
import type { Running } from '../support/leak-search.ts';

/** One secret for each way to enter one. So a finding tells which way leaks. */
const secrets = {
  'typed at the command line': newToken(),
  'sent over HTTP': newToken(),
  'typed on the page': newToken(),
  'replaced by another': newToken(),
  'refused by the Hub': newToken(),
  'given as HF_TOKEN': newToken(),
  'put where it does not belong': newToken(),
};

const { found, inFiles, inProcesses } = searchFor(secrets);

/** The variables that a child may see: some of the server's, those that a shell adds, and those of its runtime. */
const listed = new Set(
  'PATH HOME LANG LC_ALL TMPDIR TZ PWD OLDPWD SHLVL _ HF_HUB_OFFLINE TRANSFORMERS_OFFLINE'.split(' '),
);
let pullNames: string[] = [];

const patient = { timeout: 60_000, interval: 200 };

let hub: Hub;
let root: string;
let dataDir: string;
let server: ReturnType<typeof spawn>;
let url: string;
let authorization: string;
let environment: Record<string, string>;
/** Bodies and headers of all answers, and the output of all commands. */
const told: string[] = [];

beforeAll(async () => {
  hub = await startHub();
  for (const token of Object.values(secrets)) hub.addToken(token);
  hub.tokens.delete(secrets['refused by the Hub']);
  const files = { 'config.json': '{}', 'model.safetensors': { size: 400_000, seed: 's' } };
  hub.addRepo('acme/gated', { files, gated: 'manual', gate: { alice: 'accepted' } });
  root = await mkdtemp(join(tmpdir(), 'ecolink-leaks-'));
  dataDir = join(root, 'data');
  await writeFile(join(root, 'ecolink.yaml'), `${threePeople}${gossip}`);
  environment = {
    ECOLINK_DATA_DIR: dataDir,
    ECOLINK_CONFIG: join(root, 'ecolink.yaml'),
    ECOLINK_KEY_FILE: join(root, 'key'),
    ECOLINK_PORT: '0',
    HF_ENDPOINT: hub.endpoint,
  };
  const own = {
    ...environment,
    ECOLINK_LOG_LEVEL: 'trace',
    HF_TOKEN: secrets['given as HF_TOKEN'],
    ECOLINK_KEY: '',
    AWS_SECRET_ACCESS_KEY: 'canary-aws',
    PGPASSWORD: 'canary-postgres',
    NODE_OPTIONS: '--no-deprecation',
  };
  server = spawn(process.execPath, [mainFile, 'serve'], {
    env: childEnvironment(own),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(root, 'server.log'));
  server.stdout?.pipe(log);
  server.stderr?.pipe(log);
  ({ url } = await vi.waitUntil(() => readServerFile(dataDir), patient));
  authorization = `Bearer ${await readLocalToken(dataDir)}`;
}, 60_000);

afterAll(async () => {
  server.kill('SIGTERM');
  await once(server, 'exit');
  await hub.close();
  await rm(root, { recursive: true, force: true });
});

async function send(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const said = await answer.text();
  told.push(`${answer.status} ${JSON.stringify(Object.fromEntries(answer.headers))} ${said}`);
  return said;
}

const run = (operation: string, input: object = {}): Promise<string> => send(`/api/operations/${operation}`, input);

/** Runs a command line with a text on its standard input. */
async function type(argv: readonly string[], input = ''): Promise<string> {
  const child = spawn(process.execPath, [mainFile, ...argv], { env: childEnvironment(environment) });
  child.stdin.end(input);
  const printed = (await Promise.all([text(child.stdout), text(child.stderr)])).join('');
  told.push(printed);
  return printed;
}

async function putOnesWhereTheyBelong(): Promise<void> {
  expect(await type(['credential', 'add', 'typed'], `${secrets['typed at the command line']}\n`)).toContain('alice');
  await send('/api/credentials', { name: 'sent', value: secrets['replaced by another'] });
  expect(await send('/api/credentials', { name: 'sent', value: secrets['sent over HTTP'] })).toContain('replaced');
  await send('/api/credentials', { name: 'bad', value: secrets['refused by the Hub'] });
  const link = z.object({ url: z.string() }).parse(JSON.parse(await send('/api/credential-links', { name: 'page' })));
  const page = new URL(link.url).pathname;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  await send(page);
  await send(page, `value=${secrets['refused by the Hub']}&ecolink_token=${authorization.slice(7)}`, form);
  const typed = `value=${secrets['typed on the page']}&ecolink_token=${authorization.slice(7)}`;
  expect(await send(page, typed, form)).toContain('Stored');
}

async function putOneWhereItDoesNotBelong(): Promise<void> {
  const token = secrets['put where it does not belong'];
  for (const [operation, field] of [
    ['register_model', 'name'],
    ['register_model', 'credential'],
    ['check_model', 'revision'],
    ['launch_instance', 'reason'],
    ['launch_instance', 'arguments'],
    ['list_models', 'query'],
    ['delete_credential', 'credential'],
    ['get_instance', token],
  ] as const) {
    expect(await run(operation, { [field]: field === 'arguments' ? [token] : token })).toContain('Revoke that token');
  }
  await run(token, {});
  await send(`/api/${token}?x=${token}`);
  await send(`/credentials/${token}`);
  await send('/api/credentials', { name: token, value: token });
  await send('/api/credentials', `{"name": "x", "value": "${token}`);
  await send('/v1/chat/completions', { model: token, messages: [{ role: 'user', content: token }] });
  await send('/v1/models', undefined, { authorization: `Bearer ${token}`, 'x-request-id': token });
  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'get_model', arguments: { model: token } },
  };
  await send('/mcp', call, { accept: 'application/json, text/event-stream' });
  for (const words of [
    ['credential', 'add', token],
    ['credential', 'add', 'x', token],
    ['get-model', token],
    [token],
    [`--${token}`],
  ])
    expect(await type(words)).toContain('Revoke that token');
}

async function launchWithThem(): Promise<void> {
  const source = { source: 'huggingface', repo: 'acme/gated', category: 'chat' };
  for (const name of ['typed', 'sent', 'page', 'env'])
    expect(await run('register_model', { ...source, name, credential: name })).toContain('registered');
  hub.faults.throttle = 40_000;
  expect(await run('launch_instance', { model: 'typed' })).toContain('"instance"');
  await expect.poll(() => run('list_cache'), patient).toContain('"downloading"');
  await expect.poll(async () => (await childrenOf('pull-main')).length, patient).toBeGreaterThan(0);
  pullNames = (await childrenOf('pull-main'))
    .flatMap(({ environ }) => environ.split('\0').map((line) => line.split('=')[0] ?? ''))
    .filter(Boolean);
  await expect.poll(() => inFiles(root), patient).toEqual([]);
  expect(await childrenOf('pull-main')).not.toEqual([]);
  expect(await inProcesses(server.pid)).toEqual([]);
  hub.faults.throttle = undefined;
  await expect.poll(() => run('list_cache'), patient).toContain('"ready"');
  await expect.poll(() => run('get_instance_logs', { instance: '1' }), patient).toContain('PATH=');
}

/** Processes with the data folder in their command line. */
async function childrenOf(word: string): Promise<Running[]> {
  return (await processes()).filter(
    ({ pid, commandLine }) => pid !== String(server.pid) && commandLine.includes(dataDir) && commandLine.includes(word),
  );
}

test('no secret that a person entered is found in clear in files, processes, logs or answers', async () => {
  await putOnesWhereTheyBelong();
  await putOneWhereItDoesNotBelong();
  await launchWithThem();
  await run('list_audit', { limit: 100 });
  await run('list_credentials');
  await send('/metrics');

  expect(await readdir(dataDir)).toEqual(expect.arrayContaining(['ecolink.db', 'ecolink.db-wal']));
  expect(await inProcesses(server.pid)).toEqual([]);
  expect(await inFiles(root)).toEqual([]);
  expect(told.flatMap((said) => found(said.slice(0, 200), said))).toEqual([]);
  const log = await readFile(join(root, 'server.log'), 'utf8');
  expect(log).toContain('"level":20');
  expect(found('log', log)).toEqual([]);
}, 180_000);

test('the search finds a token that is there, raw or encoded', () => {
  for (const secret of Object.values(secrets)) {
    for (const before of ['', 'a', 'Bearer ', '"value":"']) {
      const encoded = Buffer.from(`${before}${secret}"}`);
      for (const form of ['utf8', 'base64', 'base64url', 'hex'] as const)
        expect(found('here', `x ${encoded.toString(form)} y`)).toHaveLength(1);
    }
  }
});

test('child processes see only the listed variables of the server’s environment', async () => {
  const shape = z.object({ logs: z.array(z.object({ lines: z.array(z.string()) })) });
  const { logs } = shape.parse(JSON.parse(await run('get_instance_logs', { instance: '1' })));
  const names = logs.flatMap(({ lines }) => lines).flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
  expect(names).toContain('PATH');
  expect(names.filter((name) => !listed.has(name))).toEqual([]);
  expect(pullNames).toContain('PATH');
  expect(pullNames.filter((name) => !listed.has(name))).toEqual([]);
  expect(told.join('')).not.toMatch(/canary-(aws|postgres)/);
});
