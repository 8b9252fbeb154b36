import { rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newToken } from '../support/credentials.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { runProgram } from './support/run-program.ts';
import type { Ran } from './support/run-program.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

let hub: Hub;
let served: ServeChild;
const keyFile = join(tmpdir(), `ecolink-key-${randomBytes(6).toString('hex')}`);
beforeAll(async () => {
  hub = await startHub();
  served = await startServe({ HF_ENDPOINT: hub.endpoint, ECOLINK_KEY_FILE: keyFile });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await hub.close();
  await rm(keyFile, { force: true });
});

const run = (input: string, ...argv: string[]): Promise<Ran> => runProgram(argv, served.environment, input);

test('a token is read from standard input, stored under a name, replaced and deleted', async () => {
  const [first, second] = [newToken(), newToken()];
  for (const token of [first, second]) hub.addToken(token, { user: 'ada' });
  const added = await run(`${first}\n`, 'credential', 'add', 'hub-main');
  expect([added.status, added.stdout]).toEqual([0, expect.stringContaining('added: a token of ada on the Hub')]);
  expect(added.stderr).toContain(`Back up ${keyFile}`);
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect((await run(second, 'credential', 'add', 'hub-main', '--shared')).stdout).toMatch(
    /replaced: .*shared with the team/,
  );
  const listed = await run('', 'credential', 'list');
  expect(listed.stdout).toMatch(/^CREDENTIAL +OWNER +ACCOUNT +FINGERPRINT/);
  for (const said of [added.stdout, added.stderr, listed.stdout]) {
    expect(said).not.toContain(first);
    expect(said).not.toContain(second);
  }
  expect((await run('', 'key', 'rotate')).stdout).toContain('1 credential is sealed');
  expect((await run('', 'credential', 'delete', 'hub-main')).stdout).toContain('Credential hub-main: deleted.');
  expect((await run('', 'credential', 'list')).stderr).toContain('Store a token: ecolink credential add <name>');
});

test('a token as an argument is refused, and not repeated', async () => {
  const token = newToken();
  for (const argv of [
    ['credential', 'add', 'mine', token],
    ['credential', 'add', token],
    ['register-model', 'm', '--repo', 'a/b', '--credential', token],
    ['token', 'create', `x-${token}`],
  ]) {
    const { status, stdout, stderr } = await run('', ...argv);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Revoke that token where it was made');
    expect(stderr).not.toContain(token);
  }
});

test('a bad name is refused before the secret is read, and a token that the Hub refuses is not stored', async () => {
  expect((await run('', 'credential', 'add', 'Hub Main')).stderr).toContain('error[bad_name]');
  expect((await run('', 'credential', 'add', 'mine')).stderr).toContain('ecolink credential add <name> < file');
  const token = newToken();
  const refused = await run(token, 'credential', 'add', 'mine');
  expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('error[token_refused]')]);
  expect(refused.stderr).not.toContain(token);
  expect((await run('', 'credential', 'list')).stderr).toContain('Nothing to show.');
});

test('a role is given and taken at the terminal, and the people are listed', async () => {
  const given = await run('', 'set-role', 'slack:T1/U1', '--role', 'member', '--name', 'bob');
  expect([given.status, given.stdout]).toEqual([
    0,
    expect.stringMatching(/^bob \(T1\/U1\): changed\.\nrole +member\n/),
  ]);
  expect((await run('', 'list-people')).stdout).toMatch(/bob \(T1\/U1\) +member +\S+ +slack:T1\/U1/);
  expect((await run('', 'set-role', 'bob', '--role', 'none')).status).toBe(0);
  expect((await run('', 'list-people')).stdout).not.toContain('bob');
  const unknown = await run('', 'set-role', 'bbo', '--role', 'member');
  expect([unknown.status, unknown.stderr]).toEqual([3, expect.stringContaining('Did you mean')]);
});
