import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeFlags } from '../../src/cli/node-flags.ts';
import { commandLineOf, mainFile, runProgram } from './support/run-program.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

let served: ServeChild;

beforeAll(async () => {
  served = await startServe();
});

afterAll(() => served[Symbol.asyncDispose]());

test('serve says where it listens', () => {
  expect(served.firstLine).toMatch(/^EcoLink \d.* runs at http:\/\/127\.0\.0\.1:\d+$/);
});

test('serve restarts with its Node flags in the same process, however it is started', async () => {
  expect(await commandLineOf(served.child.pid)).toContain(`${nodeFlags.join(' ')} ${mainFile} serve`);
  const bin = fileURLToPath(new URL('../../bin/ecolink.js', import.meta.url));
  await using installed = await startServe({}, [bin]);
  expect(await commandLineOf(installed.child.pid)).toContain(`${nodeFlags.join(' ')} ${bin} serve`);
  await using given = await startServe({}, ['--max-semi-space-size=32', mainFile]);
  expect(await commandLineOf(given.child.pid)).not.toContain(nodeFlags.join(' '));
});

test('registering answers with a sentence and the next step', async () => {
  const source = ['--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'];
  const registered = await served.run('register-model', 'tiny', ...source);
  expect(registered).toMatchObject({ status: 0, stderr: '' });
  expect(registered.stdout).toMatch(/^Model tiny: registered\.\nnext: .*ecolink launch-instance/);
});

test('a list is a table for people, and with --json the output and nothing else', async () => {
  const table = await served.run('list-models');
  expect(table.stdout).toMatch(
    /^NAME +CATEGORY +ORIGIN +FORMAT +SIZE +OWNER +CREATED\ntiny +chat +shared:tiny +gguf +470 kB /,
  );
  const json = await served.run('list-models', '--json');
  expect(json).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(json.stdout)).toMatchObject({ items: [{ name: 'tiny', bytes: 470_144 }] });
});

test('with --json the texts of an output are plain strings, with operations by their names', async () => {
  const key = ['--idempotency-key', 'k', '--json'];
  const source = ['--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'];
  const { stdout } = await served.run('register-model', 'plain', ...source, ...key);
  const again = await served.run('register-model', 'plain', ...source, ...key.slice(0, 2));
  expect(again.stdout).toContain(
    'next: Launch it: ecolink launch-instance plain. Before that, ecolink plan-launch plain shows',
  );
  expect(JSON.parse(stdout)).toMatchObject({
    state: 'registered',
    next_step: expect.stringMatching(/^Launch it: launch_instance \(model: "plain"\)\. Before that, plan_launch/),
  });
  expect(await served.run('delete-model', 'plain')).toMatchObject({ status: 0 });
});

test('exit statuses tell bad input, a missing thing and a conflict apart', async () => {
  expect(await served.run('list-models', '--limit', '1000')).toMatchObject({ status: 2, stdout: '' });
  expect(await served.run('get-model', 'nope')).toMatchObject({ status: 3, stdout: '' });
  const again = await served.run(
    'register-model',
    'tiny',
    '--filesystem',
    'shared',
    '--subfolder',
    'tiny',
    '--category',
    'chat',
    '--json',
  );
  expect(again).toMatchObject({ status: 5, stdout: '' });
  expect(JSON.parse(again.stderr)).toMatchObject({ error: { retryable: false } });
});

test('--wait follows a launch until it runs, and a stop until it has stopped', async () => {
  const launched = await served.run('launch-instance', 'tiny', '--wait', '--json');
  expect(launched.status).toBe(0);
  expect(JSON.parse(launched.stdout)).toMatchObject({ id: 1, model_id: 'tiny:1', state: 'running', ready: 1 });
  expect((await served.run('get-instance-logs', '1')).stdout).toContain('listening');
  const stopped = await served.run('stop-instance', 'tiny:1', '--wait');
  expect(stopped).toMatchObject({ status: 0, stdout: expect.stringMatching(/^state +stopped$/m) });
  expect(stopped.stderr).toContain('Instance 1 (tiny:1): stopping.');
});

test('names complete from the running server', async () => {
  expect((await served.run('__complete', 'get-model', '')).stdout).toBe('tiny\t\n');
  expect((await served.run('__complete', 'check-model', '--filesystem', 's')).stdout).toBe('shared\t\n');
});

test('a token is made, used, listed without its value, and refused after it was revoked', async () => {
  const made = await served.run('token', 'create', 'dashboard', '--scope', 'read');
  const token = made.stdout.trim();
  expect(token).toMatch(/^eco_/);
  const asToken = (...argv: string[]) => runProgram(argv, { ...served.environment, ECOLINK_TOKEN: token });
  expect(await asToken('list-models')).toMatchObject({ status: 0 });
  expect(await asToken('delete-model', 'tiny')).toMatchObject({
    status: 4,
    stderr: expect.stringContaining('error[scope_missing]'),
  });
  const listed = await served.run('token', 'list');
  expect(listed.stdout).toMatch(/ dashboard .* read /);
  expect(listed.stdout).not.toContain(token);
  expect(await served.run('token', 'revoke', 'dashboard')).toMatchObject({ status: 0 });
  expect(await asToken('list-models')).toMatchObject({ status: 4, stdout: '' });
});

test('a second server on the data folder refuses and names the first', async () => {
  const { status, stderr } = await served.run('serve');
  expect(status).toBe(5);
  expect(stderr).toContain(`pid ${served.child.pid}`);
});

test('SIGTERM ends the server cleanly and removes server.json', async () => {
  await using other = await startServe();
  other.child.kill('SIGTERM');
  expect(await once(other.child, 'exit')).toEqual([0, null]);
  expect(existsSync(join(other.dataDir, 'server.json'))).toBe(false);
});

test('without a server, registry commands work on the data folder by themselves', async () => {
  await using other = await startServe();
  other.child.kill('SIGTERM');
  await once(other.child, 'exit');
  expect(await other.run('check-model', '--filesystem', 'shared', '--subfolder', 'tiny')).toMatchObject({ status: 0 });
  expect(
    await other.run('register-model', 'm', '--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'),
  ).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^Model m: registered\.\nnext: Launch it: ecolink launch-instance m\./),
  });
  expect(await other.run('get-model', 'm')).toMatchObject({ status: 0 });
  expect(await other.run('plan-launch', 'm')).toMatchObject({ status: 6 });
});
