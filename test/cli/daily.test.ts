import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { linesByReplica, newLines } from '../../src/cli/follow-logs.ts';
import { childEnvironment, mainFile, runProgram, temporaryFolder } from './support/run-program.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

// One server with two instances of one model, for all tests.
let server: ServeChild;
beforeAll(async () => {
  server = await startServe();
  const folder = ['--source', 'filesystem', '--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'];
  // The short words of Slack, and the name as an assistant knows it.
  await runs('register', 'tiny', ...folder);
  await runs('launch', 'tiny', '--wait');
  await runs('launch_instance', 'tiny', '--wait');
}, 180_000);
/** Throws if the command fails. */
async function runs(...argv: string[]): Promise<void> {
  const { status, stderr } = await server.run(...argv);
  if (status !== 0) throw new Error(stderr);
}
afterAll(() => server[Symbol.asyncDispose]());

test('a list can be read by another command: names only, all pages, hints apart', async () => {
  expect(await server.run('ls', '-q')).toMatchObject({ status: 0, stdout: '2\n1\n', stderr: '' });
  const page = await server.run('ps', '--limit', '1');
  expect(page.stdout).toMatch(/^ID .*\n2 .*\n$/);
  expect(page.stderr).toContain('See all with --all');
  expect(await server.run('ls', '-q', '--all', '--limit', '1')).toMatchObject({ stdout: '2\n1\n', stderr: '' });
  expect(JSON.parse((await server.run('ls', '--all', '--limit', '1', '--json')).stdout)).toMatchObject({
    items: [{ id: 2 }, { id: 1 }],
  });
});

test('wait shows an instance that runs', async () => {
  expect(await server.run('wait', 'tiny:1')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/state +running/),
  });
  expect(await server.run('wait', '1', '--for', 'ready')).toMatchObject({ status: 2 });
});

test('Ctrl-C ends the waiting, not the work, and says so', async () => {
  const child = start('wait', '1', '--for', 'stopped');
  await vi.waitUntil(() => child.printed().includes('instance 1'), { timeout: 30_000 });
  child.process.kill('SIGINT');
  expect(await child.end).toBe(130);
  expect(child.printed()).toContain('goes on without this command. Follow it again: ecolink wait 1 --for stopped');
  expect(child.printed()).not.toContain('error[');
});

test('--watch shows a change, until Ctrl-C', async () => {
  const child = start('get-instance', '2', '--watch');
  await vi.waitUntil(() => child.printed().includes('running'), { timeout: 30_000 });
  expect(await server.run('stop', '2', '--wait')).toMatchObject({ status: 0 });
  await vi.waitUntil(() => /state +stopped/.test(child.printed()), { timeout: 30_000 });
  child.process.kill('SIGINT');
  expect(await child.end).toBe(0);
});

test('--follow prints the last lines, then each new one, until Ctrl-C', async () => {
  const child = start('logs', '2', '--follow', '--lines', '1');
  await vi.waitUntil(() => child.printed() !== '', { timeout: 30_000 });
  const before = child.printed();
  expect(before.trimEnd().split('\n')).toHaveLength(1);
  expect(await server.run('restart', '2', '--wait')).toMatchObject({ status: 0 });
  const added = () => child.printed().slice(before.length);
  await vi.waitUntil(() => added().includes('listening'), { timeout: 30_000 });
  child.process.kill('SIGINT');
  expect(await child.end).toBe(0);
  const lines = added().trimEnd().split('\n');
  expect(new Set(lines).size).toBe(lines.length);
});

test.each([
  ['nothing new', ['a', 'b'], ['a', 'b'], []],
  ['one more', ['a', 'b'], ['a', 'b', 'c'], ['c']],
  ['a window that moved', ['a', 'b', 'c'], ['b', 'c', 'd'], ['d']],
  ['equal lines', ['a', 'a'], ['a', 'a', 'a'], ['a']],
  ['another run', ['a', 'b'], ['x', 'y'], ['x', 'y']],
  ['the first look', [], ['a'], ['a']],
])('new lines of a log: %s', (_, before, now, expected) => {
  expect(newLines(before, now)).toEqual(expected);
});

test('lines of several replicas are told apart, and the brackets of an engine name none', () => {
  const one = [{ region: 'eu', lines: ['[2026-12-01 10:00:00] up', '[INFO] ready'] }];
  expect([...linesByReplica(one).values()]).toEqual([one[0]?.lines]);
  const two = [
    { region: 'eu', lines: ['[0] a', '[1] b', '[0] c'] },
    { region: 'us', lines: ['[instance-3-us-7c9f-x] d'] },
  ];
  expect([...linesByReplica(two).values()]).toEqual([
    ['eu  [0] a', 'eu  [0] c'],
    ['eu  [1] b'],
    ['us  [instance-3-us-7c9f-x] d'],
  ]);
});

test('--verbose says which server was called, and never what was sent', async () => {
  const { stdout, stderr } = await server.run('ls', '--verbose', '-q');
  expect(stdout).toBe('2\n1\n');
  expect(stderr).toMatch(/^> list_instances at http:\/\/127\.0\.0\.1:\d+: done, \d+ ms\n$/);
  const failed = await server.run('status', '99', '--verbose');
  expect(failed.stderr).toContain('> get_instance at ');
  expect(failed.stderr).toContain('instance_not_found, ');
});

test('without a server, a list is the last known state, and an unused data folder stays unused', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const environment = { ECOLINK_DATA_DIR: dataDir };
  const unused = await runProgram(['list-models'], environment);
  expect(unused).toMatchObject({ status: 0, stdout: '' });
  expect(unused.stderr).toContain(`No EcoLink server runs on ${dataDir}, and none ever did.`);
  expect(existsSync(dataDir)).toBe(false);
  expect(await runProgram(['migrate'], environment)).toMatchObject({ status: 0 });
  const used = await runProgram(['list-instances', '--json'], environment);
  expect(used.stderr).toBe(`No EcoLink server runs on ${dataDir}. This is the last known state.\n`);
  expect(JSON.parse(used.stdout)).toEqual({ items: [] });
});

test('several at once: the others are done if one fails, and the status says so', async () => {
  const stopped = await server.run('stop-instance', '9', '1', '8');
  expect(stopped.status).toBe(3);
  expect(stopped.stdout).toContain('Instance 1 ');
  expect(stopped.stderr.match(/error\[instance_not_found]/g)).toHaveLength(2);
});

test('serve takes flags, and stop-server stops it', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const child = start('serve', '--port', '0', '--data-dir', dataDir);
  await vi.waitUntil(() => child.printed().includes('Ctrl-C stops'), { timeout: 30_000 });
  const environment = { ECOLINK_DATA_DIR: dataDir };
  expect(await runProgram(['stop-server'], environment)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('has stopped'),
  });
  expect(await child.end).toBe(0);
  expect(await runProgram(['stop-server'], environment)).toMatchObject({
    status: 6,
    stderr: expect.stringContaining('error[server_not_running]'),
  });
});

function start(...argv: string[]) {
  const child = spawn(process.execPath, [mainFile, ...argv], { env: childEnvironment(server.environment) });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  const end = once(child, 'exit').then(([status]) => Number(status));
  return { process: child, printed: () => printed, end };
}
