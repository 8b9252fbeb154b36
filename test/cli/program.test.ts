import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { mainFile, runNode, runProgram, temporaryFolder } from './support/run-program.ts';

test('--help explains the commands, which server is used, and the exit statuses', async () => {
  const { status, stdout } = await runProgram(['--help'], {});
  expect(status).toBe(0);
  for (const words of ['Models:', 'Instances:', 'ECOLINK_URL', '6 unavailable', 'ecolink serve']) {
    expect(stdout).toContain(words);
  }
  expect(await runProgram([], {})).toMatchObject({ status: 0, stdout });
});

test('the help of a command comes from its definition', async () => {
  expect((await runProgram(['scale-instance', '--help'], {})).stdout).toMatchInlineSnapshot(`
    "Usage: ecolink scale-instance <instance...> [options]

    Changes how many replicas of an instance run in each of its regions.

    Arguments:
      instance                  Number of the instance, or "name:number".

    Options:
      --replicas <number>       How many replicas run in each region. Required. Example: 2
      -h, --help                Explain this command.

    More options:
      --idempotency-key <text>  Makes a repeated call safe: a fresh random value for each intended
                                change, the same value only for a retry. For 7 days, the same key with
                                the same input does nothing again.

    Output:
      --wait                    Follow the instance until it is running, then show it; status 1 if it
                                fails. If people must approve it, wait for that first; status 7 if they
                                do not.
      --json                    Print exactly the output, as JSON, and nothing else.

    Examples:
      ecolink scale-instance 3 --replicas 2
    "
  `);
  expect((await runProgram(['list-models', '--help'], {})).stdout).toMatchInlineSnapshot(`
    "Usage: ecolink list-models [options]

    Lists the registered models, by name.

    Options:
      --category <category>  Only models of this category. (choices: "chat", "embedding", "reranker",
                             "image", "audio", "video")
      --query <text>         Only models whose name, repo or folder contains this. Example: qwen
      -h, --help             Explain this command.

    More options:
      --cursor <text>        The next_cursor of the page before.
      --limit <number>       How many items, 1 to 100. 20 unless given.

    Output:
      -q, --quiet            Print only the names, one a line.
      --all                  Print all items, not only a page.
      -w, --watch            Show it again whenever it changes, until Ctrl-C.
      --json                 Print exactly the output, as JSON, and nothing else.

    Examples:
      ecolink list-models
      ecolink list-models --category chat --query qwen
    "
  `);
});

test('help and a mistyped flag load neither the store, nor the server, nor another front end', async () => {
  const traced = fileURLToPath(new URL('support/print-loads.ts', import.meta.url));
  for (const words of [['--help'], ['list-models', '--querry', 'x'], ['pull', '--help']]) {
    const { stderr } = await runNode(['--import', traced, mainFile, ...words], {});
    expect(stderr).toContain('src/main.ts');
    expect(stderr).not.toMatch(/node_modules\/(?:kysely|better-sqlite3|pg|fastify|@slack|@modelcontextprotocol)\//);
  }
});

test('for a mistyped command or flag the nearest one is suggested, with status 2', async () => {
  expect(await runProgram(['lst-models'], {})).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining(
      'error[unknown_command]: There is no command "lst-models". Did you mean list-models?',
    ),
  });
  expect(await runProgram(['launch-instance', 'm', '--replica', '2'], {})).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Did you mean --replicas?'),
  });
});

test('a command with commands of its own shows them if none is named, and suggests one if it is mistyped', async () => {
  expect(await runProgram(['token'], {})).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('revoke'),
  });
  expect(await runProgram(['token', 'lst'], {})).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Did you mean list?'),
  });
  expect(await runProgram(['token', 'create'], {})).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('needs <name>'),
  });
});

test('with --json an error is one JSON object on standard error, and standard output is empty', async () => {
  const { status, stdout, stderr } = await runProgram(['get-model', '--json'], {});
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'field_missing', field: 'model' } });
});

test('without a server a launch says how to start one, with status 6', async () => {
  await using folder = await temporaryFolder();
  const { status, stdout, stderr } = await runProgram(['launch-instance', 'm'], { ECOLINK_DATA_DIR: folder.path });
  expect({ status, stdout }).toEqual({ status: 6, stdout: '' });
  expect(stderr).toContain('error[server_not_running]');
  expect(stderr).toMatch(/next: .*ecolink serve/);
});

test('if a named server does not answer, that is an error, and the local registry is not used', async () => {
  await using folder = await temporaryFolder();
  const environment = { ECOLINK_DATA_DIR: folder.path, ECOLINK_URL: 'http://127.0.0.1:1', ECOLINK_TOKEN: 'eco_x' };
  expect(await runProgram(['list-models'], environment)).toMatchObject({ status: 6, stdout: '' });
});

test('a broken configuration is bad input that names the line', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'broken.yaml');
  await writeFile(file, 'regions:\n  - name: local\n    kind: moon\n');
  const { status, stderr } = await runProgram(['list-models'], { ECOLINK_CONFIG: file, ECOLINK_DATA_DIR: folder.path });
  expect(status).toBe(2);
  expect(stderr).toContain('line 3');
});

test('the doctor looks at the filesystems of this machine', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'ecolink.yaml');
  const [good, bad] = [folder.path, join(folder.path, 'missing')];
  const filesystems = [
    { name: 'good', region: 'local', path: good },
    { name: 'bad', region: 'local', path: bad },
  ];
  await writeFile(file, JSON.stringify({ regions: [{ name: 'local', kind: 'local' }], filesystems }));
  const { stdout } = await runProgram(['doctor', '--json'], {
    ECOLINK_CONFIG: file,
    ECOLINK_DATA_DIR: join(folder.path, 'data'),
  });
  const { checks } = z.object({ checks: z.array(z.looseObject({ name: z.string() })) }).parse(JSON.parse(stdout));
  expect(checks.find(({ name }) => name === 'filesystems')).toMatchObject({
    state: 'warning',
    said: expect.stringMatching(/^bad: The folder .*missing/),
  });
});

test('the doctor names what other accounts can read, and shows no password', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  await mkdir(dataDir);
  await chmod(dataDir, 0o755);
  await writeFile(join(dataDir, 'ecolink.db'), '', { mode: 0o644 });
  const key = join(folder.path, 'key');
  await writeFile(key, '', { mode: 0o600 });
  await chmod(key, 0o644);
  const password = 'Pa55word';
  const { stdout } = await runProgram(['doctor'], {
    ECOLINK_DATA_DIR: dataDir,
    ECOLINK_KEY_FILE: key,
    DATABASE_URL: `postgres://eve:${password}@127.0.0.1:9/x?password=${password}`,
    HF_ENDPOINT: `http://eve:${password}@127.0.0.1:9`,
    HTTPS_PROXY: `http://eve:${password}@127.0.0.1:9`,
  });
  expect(stdout).toContain(`can read the folder ${dataDir} (mode 0755). The next start of the server repairs it.`);
  expect(stdout).toContain(`chmod 0700 ${dataDir} && chmod 0600 ${join(dataDir, 'ecolink.db')}`);
  expect(stdout).toContain(`chmod 0600 ${key}`);
  expect(stdout).toContain('http://127.0.0.1:9 does not answer');
  expect(stdout).not.toContain(password);
  expect(((await stat(dataDir)).mode & 0o777).toString(8)).toBe('755');
});

test('what a command writes is for its own account, also in a folder that existed', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  await mkdir(dataDir);
  await chmod(dataDir, 0o755);
  expect(await runProgram(['token', 'create', 'app'], { ECOLINK_DATA_DIR: dataDir })).toMatchObject({ status: 0 });
  const open: string[] = [];
  for (const name of ['.', ...(await readdir(dataDir))])
    if (((await stat(join(dataDir, name))).mode & 0o077) !== 0) open.push(name);
  expect(open).toEqual([]);
});

test('the doctor says what is wrong and changes nothing', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  const { stdout } = await runProgram(['doctor', '--json'], { ECOLINK_DATA_DIR: dataDir });
  const check = z.object({ name: z.string(), state: z.string(), fix: z.string().optional() });
  const { checks } = z.object({ checks: z.array(check) }).parse(JSON.parse(stdout));
  expect(checks.map((check) => check.name)).toEqual([
    'node',
    'configuration',
    'data folder',
    'store',
    'keys',
    'tokens',
    'server',
    'filesystems',
    'hub',
    'engine',
    'sandbox',
  ]);
  expect(checks.find((check) => check.name === 'server')).toMatchObject({
    state: 'warning',
    fix: 'Start it: start the server',
  });
  expect(checks.find((check) => check.name === 'hub')).toMatchObject({ state: 'warning' });
  await expect(import('node:fs/promises').then(({ access }) => access(dataDir))).rejects.toThrow('ENOENT');
});
