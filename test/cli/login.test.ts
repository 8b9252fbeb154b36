import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram, temporaryFolder } from './support/run-program.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

// The server is "elsewhere": the commands of these tests have another data folder.
let server: ServeChild;
let url: string;
let token: string;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  server = await startServe();
  url = /http:\S+/.exec(server.firstLine)?.[0] ?? '';
  token = (await server.run('token', 'create', 'laptop', '--scope', 'operate')).stdout.trim();
  home = await temporaryFolder();
}, 120_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

const file = () => join(home.path, 'ecolink', 'servers.json');
const here = (...argv: string[]) => run(argv);
const run = (argv: string[], input = '') =>
  runProgram(argv, { XDG_CONFIG_HOME: home.path, ECOLINK_DATA_DIR: join(home.path, 'data') }, input);

test('a login is kept in a file of its own account, and commands go to that server', async () => {
  const made = await run(['login', url, '--name', 'team'], `${token}\n`);
  expect(made).toMatchObject({ status: 0, stdout: expect.stringContaining('Logged in to team') });
  expect(made.stdout + made.stderr).not.toContain(token);
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  const folder = ['--source', 'filesystem', '--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'];
  expect(await here('register', 'from-elsewhere', ...folder)).toMatchObject({ status: 0 });
  expect((await server.run('models', '-q')).stdout).toBe('from-elsewhere\n');
  expect((await here('list-servers')).stdout).toMatch(/^NAME +URL +IN USE\nlocal +- +no\nteam +http\S+ +yes\n$/);
});

test('another server is chosen for one command, or for all', async () => {
  expect(await here('models', '--server', 'local', '-q')).toMatchObject({ status: 0, stdout: '' });
  expect(await here('use-server', 'local')).toMatchObject({ status: 0 });
  expect((await here('models', '-q')).stdout).toBe('');
  expect((await here('--server=team', 'models', '-q')).stdout).toBe('from-elsewhere\n');
  const wrong = await here('models', '--server', 'taem');
  expect(wrong.status).toBe(3);
  expect(wrong.stderr).toContain('error[server_unknown]: There is no server "taem". Did you mean "team"?');
  expect(await here('use-server', 'team')).toMatchObject({ status: 0 });
});

test('a token that the server does not know is not kept', async () => {
  const before = await readFile(file(), 'utf8');
  const refused = await run(['login', url, '--name', 'other'], 'eco_none\n');
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).not.toContain('eco_none');
  expect(await readFile(file(), 'utf8')).toBe(before);
  expect(await run(['login', 'ecolink.example'], token)).toMatchObject({ status: 2 });
  expect(await run(['login', url, '--name', 'local'], token)).toMatchObject({ status: 2 });
});

test('a server that is away is not replaced by the one of this machine', async () => {
  const before = await readFile(file(), 'utf8');
  await writeFile(file(), before.replaceAll(url, 'http://127.0.0.1:9'));
  const away = await here('models');
  expect(away.status).toBe(6);
  expect(away.stderr).toContain('error[server_not_running]');
  expect(away.stderr).toContain('use-server local');
  await writeFile(file(), before);
});

test('a file that others can read is closed, and one that is damaged is named', async () => {
  await chmod(file(), 0o644);
  expect(await here('models', '-q')).toMatchObject({ status: 0 });
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  const before = await readFile(file(), 'utf8');
  await writeFile(file(), '{');
  expect((await here('models')).stderr).toContain('error[saved_servers_unreadable]');
  await writeFile(file(), before);
});

test('mistakes of the first minute have a way out', async () => {
  const nowhere = await run(['login', 'http://127.0.0.1:9', '--name', 'gone'], token);
  expect(nowhere.status).toBe(6);
  expect(nowhere.stderr).toContain('next: Check the address');
  const local = await here('logout', 'local');
  expect(local.status).toBe(3);
  expect(local.stderr).toContain('next: Name the server: ecolink logout team');
});

test('logout deletes the token here, and a later command uses this machine', async () => {
  expect(await here('logout')).toMatchObject({ status: 0, stdout: expect.stringContaining('Logged out of team') });
  expect(await readFile(file(), 'utf8')).not.toContain(token);
  expect(await here('models', '-q')).toMatchObject({ status: 0, stdout: '' });
});
