import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { makeTinyGguf } from '../../../src/quickstart/tiny-gguf.ts';
import { inSlack } from '../../support/callers.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { safetensorsBytes } from '../../support/weight-bytes.ts';

const people = [
  { name: 'root', role: 'admin', identities: ['local'] },
  { name: 'ada', role: 'approver', identities: ['slack:T1/ADA'] },
  { name: 'max', role: 'member', identities: ['slack:T1/MAX'] },
];
const needsAda = [{ when: { operations: ['launch_instance'] }, require: { approvers: { people: ['ada'] } } }];
const engine = { kind: 'local', categories: ['chat'], formats: ['safetensors'], command: ['sleep', '60'] };
const flags = [
  { flag: '--adapter', value: 'text', risk: 'Reads a file that the engine can read.' },
  { flag: '--slots', value: 'integer' },
];

let folder: string;
let undo: AsyncDisposableStack;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-arguments-'));
  undo = new AsyncDisposableStack();
  await mkdir(join(folder, 'data'));
  await mkdir(join(folder, 'bin'));
  for (const [path, content] of [
    ['tiny/config.json', '{"model_type":"llama"}'],
    ['tiny/model.safetensors', safetensorsBytes('weights')],
    ['voiced/config.json', '{"model_type":"llama"}'],
    ['voiced/model.safetensors', safetensorsBytes('weights')],
    ['voiced/voices/anna.pt', 'voice'],
    ['small/small.gguf', makeTinyGguf()],
  ] as const) {
    await mkdir(join(folder, 'models', path, '..'), { recursive: true });
    await writeFile(join(folder, 'models', path), content);
  }
});
afterEach(async () => {
  await undo.disposeAsync();
  await rm(folder, { recursive: true, force: true });
});

/** A core on the same data each time, with another configuration. */
async function open(more: object, options: { reconcile?: boolean; environment?: Record<string, string> } = {}) {
  const config = JSON.stringify({
    filesystems: [{ name: 'nfs', region: 'local', path: join(folder, 'models') }],
    people,
    ...more,
  });
  const place = await startCore({ reconcile: false, dataDir: join(folder, 'data'), config, ...options });
  const own = undo.use(new AsyncDisposableStack());
  own.use(place);
  const [ada, max] = await Promise.all([inSlack(place.core, 'ADA'), inSlack(place.core, 'MAX')]);
  const run = (who: Caller, operation: string, input: object = {}) =>
    place.run(operation, input, { ...who, source: 'http' });
  return { place, ada, max, run, close: () => own.disposeAsync() };
}

const registered = (name: string) => ({
  source: 'filesystem',
  filesystem: 'nfs',
  subfolder: name,
  category: 'chat',
  name,
});
const withFlags = { runtimes: [{ ...engine, name: 'mine', launch_arguments: flags }] };
const withoutFlags = { runtimes: [{ ...engine, name: 'mine', launch_arguments: flags.slice(1) }] };

async function rejection(of: Promise<unknown>): Promise<unknown> {
  return of.then(
    (value) => expect.fail(`It was done: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
}

describe('with nothing configured but a llama-server on the PATH', () => {
  async function asAgent(): Promise<{ place: TestCore; agent: Caller }> {
    const command = join(folder, 'bin', 'llama-server');
    await writeFile(command, '#!/bin/sh\nsleep 60\n');
    await chmod(command, 0o755);
    const { place } = await open({}, { environment: { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` } });
    const { token } = await place.core.access.createToken(place.local.person, 'assistant', ['operate'], {
      agent: true,
    });
    const agent = (await place.core.access.callerOfToken(token, 'mcp')) ?? expect.fail('a good token');
    await place.run('register_model', registered('small'));
    return { place, agent };
  }

  test('an assistant gets no shell, no file and no listener, by a plan or a launch', async () => {
    const { place, agent } = await asAgent();
    for (const given of [
      ['--tools', 'exec_shell_command'],
      ['--path', '{model_path}/../../..'],
      ['--mcp-servers-json', '{"mcpServers":{"x":{"command":"sh"}}}'],
      ['--log-file=/tmp/x'],
      ['--rpc', '127.0.0.1:1'],
    ])
      for (const operation of ['plan_launch', 'launch_instance'])
        expect(await rejection(place.run(operation, { model: 'small', arguments: given }, agent))).toMatchObject({
          code: 'argument_not_allowed',
          kind: 'refused',
          field: 'arguments',
          message: `A launch cannot give "${given[0]?.split('=')[0]}" to llama.cpp.`,
        });
    expect((await place.run('list_instances'))['items']).toEqual([]);
    expect((await place.run('list_approvals'))['items']).toEqual([]);
  });

  test('what it may give is spelled as the engine documents it', async () => {
    const { place, agent } = await asAgent();
    const { regions } = await place.run('plan_launch', { model: 'small', arguments: ['-t=2', '--no_warmup'] }, agent);
    expect(regions).toMatchObject([
      {
        arguments: expect.arrayContaining(['--threads', '2', '--no-warmup']) as unknown,
        launch_arguments: [{ argument: '--threads 2' }, { argument: '--no-warmup' }],
      },
    ]);
  });
});

describe('a policy that denies code of the model', () => {
  const deny = [{ when: { trust_remote_code: true }, deny: 'No code of models here.' }, { allow: true }];
  const runtimes = [
    { ...engine, name: 'plain', engine: 'vllm' },
    { ...engine, name: 'shell', command: ['sh', '-c', 'exec vllm serve --trust-remote-code'] },
    { ...engine, name: 'variable', environment: { TRUST_REMOTE_CODE: '1' } },
    { ...engine, name: 'json', arguments: ['--hf-overrides', '{"trust_remote_code":true}'] },
    { ...engine, name: 'category', category_arguments: { chat: ['--trust-remote-code'] } },
    { ...engine, name: 'says-so', runs_code: true },
    {
      ...engine,
      name: 'admin',
      launch_arguments: [{ flag: '--structured-outputs-config', value: 'text', risk: 'May load a plugin.' }],
    },
  ];

  test('is not passed by a flag, a default, a command, a variable or JSON', async () => {
    const { max, run } = await open({ policy: deny, runtimes });
    await run(max, 'register_model', registered('tiny'));
    const launch = (runtime: string, ...given: string[]) =>
      rejection(run(max, 'launch_instance', { model: 'tiny', runtime, arguments: given }));
    const denied = { code: 'policy_denied', message: expect.stringContaining('No code of models here.') as unknown };
    expect(await launch('plain', '--trust-remote-code')).toMatchObject(denied);
    for (const runtime of ['shell', 'variable', 'json', 'category', 'says-so']) {
      expect(await launch(runtime)).toMatchObject({
        code: 'remote_code_not_named',
        validValues: ['--trust-remote-code'],
      });
      expect(await launch(runtime, '--trust-remote-code')).toMatchObject(denied);
    }
    const plugin = '{"reasoning_parser_plugin":"/models/x.py"}';
    expect(await launch('admin', '--structured-outputs-config', plugin)).toMatchObject(denied);
    expect(await launch('plain', '--structured-outputs-config', plugin)).toMatchObject({
      code: 'argument_not_allowed',
    });
    expect(await launch('plain', '--structured-outputs-config.reasoning_parser_plugin=/x.py')).toMatchObject({
      code: 'argument_not_allowed',
    });
    expect(await run(max, 'launch_instance', { model: 'tiny', runtime: 'plain' })).toMatchObject({ instance: 1 });
  });
});

describe('a flag that is forbidden now', () => {
  const given = ['--adapter', '/adapters/a', '--slots', '2'];

  test('leaves a running instance alone, and refuses its restart by its name', async () => {
    const before = await open(withFlags);
    await before.run(before.max, 'register_model', registered('tiny'));
    await before.run(before.max, 'launch_instance', { model: 'tiny', replicas: 2, arguments: given });
    await before.close();

    const { max, run } = await open(withoutFlags);
    expect(await run(max, 'get_instance', { instance: '1' })).toMatchObject({ state: 'pending', arguments: given });
    const refused = { code: 'argument_not_allowed', message: 'A launch cannot give "--adapter" to mine.' };
    expect(await rejection(run(max, 'restart_instance', { instance: '1' }))).toMatchObject(refused);
    expect(await rejection(run(max, 'scale_instance', { instance: '1', replicas: 3 }))).toMatchObject(refused);
    expect(await run(max, 'get_instance', { instance: '1' })).toMatchObject({ state: 'pending', replicas: 2 });
    // What takes replicas away still works.
    expect(await run(max, 'scale_instance', { instance: '1', replicas: 1 })).toMatchObject({ instance: 1 });
    expect(await run(max, 'get_instance', { instance: '1' })).toMatchObject({ replicas: 1, arguments: given });
    expect(await run(max, 'stop_instance', { instance: '1' })).toMatchObject({ instance: 1 });
  });

  async function asked(): Promise<void> {
    const before = await open({ ...withFlags, policy: needsAda });
    await before.run(before.max, 'register_model', registered('tiny'));
    expect(await before.run(before.max, 'launch_instance', { model: 'tiny', arguments: given })).toMatchObject({
      state: 'awaiting_approval',
    });
    await before.close();
  }

  test('ends an approval request at the vote, by its name', async () => {
    await asked();
    const { ada, max, run } = await open({ ...withoutFlags, policy: needsAda });
    expect(await rejection(run(ada, 'approve_request', { approval: '1' }))).toMatchObject({
      code: 'request_stale',
      message: expect.stringContaining('cannot give "--adapter" to mine') as unknown,
    });
    expect(await run(max, 'get_approval', { approval: '1' })).toMatchObject({
      state: 'stale',
      reason: { code: 'argument_not_allowed' },
    });
    expect((await run(max, 'list_instances'))['items']).toEqual([]);
  });

  test('ends an approved request before its run', async () => {
    await asked();
    const database = new Sqlite(join(folder, 'data', 'ecolink.db'));
    database.exec("update approvals set state = 'approved'");
    database.close();
    const { max, run } = await open({ ...withoutFlags, policy: needsAda }, { reconcile: true });
    await expect
      .poll(() => run(max, 'get_approval', { approval: '1' }), { timeout: 15_000 })
      .toMatchObject({ state: 'stale', reason: { code: 'argument_not_allowed' } });
    expect((await run(max, 'list_instances'))['items']).toEqual([]);
  });
});

test('approvers see every argument, and every risk beside it', async () => {
  const { max, run } = await open({
    ...withFlags,
    policy: needsAda,
    runtimes: [{ ...engine, name: 'mine', engine: 'vllm', launch_arguments: flags }],
  });
  await run(max, 'register_model', registered('tiny'));
  const given = ['--max-num-seqs=8', '--adapter', 'a b <!channel> *x*', '--trust-remote-code', '--enforce-eager'];
  await run(max, 'launch_instance', { model: 'tiny', arguments: given });
  const { summary } = await run(max, 'get_approval', { approval: '1' });
  expect(summary).toEqual([
    'Launch tiny (nfs:tiny)',
    'Argument --adapter "a b <!channel> *x*". Risk: Reads a file that the engine can read.',
    'Argument --trust-remote-code. Risk: The engine runs code that comes with the model.',
    'Arguments without a known risk: --max-num-seqs 8, --enforce-eager',
    'In local: 1 replica, mine --max-num-seqs 8 --adapter "a b <!channel> *x*" --trust-remote-code --enforce-eager',
    'Cost: 0 per hour',
    'It runs code that comes with the model (--trust-remote-code).',
  ]);
});

describe('a flag that the configuration adds to a built-in runtime', () => {
  const more = (value: object) => ({ runtimes: [{ name: 'llama.cpp', kind: 'built-in', launch_arguments: [value] }] });

  test('is allowed there, and nothing else of the runtime changes', async () => {
    const environment = { PATH: join(folder, 'bin') };
    await writeFile(join(folder, 'bin', 'llama-server'), '');
    await chmod(join(folder, 'bin', 'llama-server'), 0o755);
    const { max, run } = await open(more({ flag: '--lora', value: 'text', risk: 'Reads a file.' }), { environment });
    await run(max, 'register_model', registered('small'));
    const plan = (...given: string[]) => run(max, 'plan_launch', { model: 'small', arguments: given });
    expect((await plan('--lora', '/adapters/a.gguf', '--threads', '2'))['regions']).toMatchObject([
      {
        runtime: 'llama.cpp',
        arguments: expect.arrayContaining(['--alias', '--lora', '/adapters/a.gguf', '--threads']) as unknown,
        launch_arguments: [{ argument: '--lora /adapters/a.gguf', risk: 'Reads a file.' }, { argument: '--threads 2' }],
      },
    ]);
    expect(await rejection(plan('--lora', '{model_path}'))).toMatchObject({ code: 'bad_argument_value' });
    expect(await rejection(plan('--tools', 'all'))).toMatchObject({ code: 'argument_not_allowed' });
  });
});

describe('what the configuration adds to a built-in runtime', () => {
  test('comes with every launch, and none can change it', async () => {
    const environment = { PATH: join(folder, 'bin') };
    await writeFile(join(folder, 'bin', 'llama-server'), '');
    await chmod(join(folder, 'bin', 'llama-server'), 0o755);
    const added = { name: 'llama.cpp', kind: 'built-in', arguments: ['--threads', '3'], environment: { A: 'b' } };
    const { max, run } = await open({ runtimes: [added] }, { environment });
    await run(max, 'register_model', registered('small'));
    const { regions } = await run(max, 'plan_launch', { model: 'small' });
    expect(JSON.stringify(regions)).toContain('"--threads","3"');
    const launch = run(max, 'plan_launch', { model: 'small', arguments: ['-t', '4'] });
    expect(await rejection(launch)).toMatchObject({ code: 'argument_owned' });
  });
});

describe('a pickle among the files', () => {
  test('counts, also beside safetensors', async () => {
    const policy = [{ when: { pickle: true }, deny: 'No pickles here.' }, { allow: true }];
    const { max, run } = await open({ ...withFlags, policy });
    await run(max, 'register_model', registered('voiced'));
    expect(await rejection(run(max, 'launch_instance', { model: 'voiced' }))).toMatchObject({
      code: 'pickle_not_allowed',
      message: 'Files of "voiced" are pickle files: voices/anna.pt. Loading them can run code that is in them.',
    });
    expect(await rejection(run(max, 'launch_instance', { model: 'voiced', allow_pickle: true }))).toMatchObject({
      code: 'policy_denied',
    });
    const { warnings } = await run(max, 'plan_launch', { model: 'voiced', allow_pickle: true });
    expect(warnings).toContain('Some parts are pickle files, which can run code when they are loaded: voices/anna.pt.');
  });

  test('does not keep an instance from its restart that was launched before it counted', async () => {
    const { max, run } = await open(withFlags);
    await run(max, 'register_model', registered('voiced'));
    await run(max, 'launch_instance', { model: 'voiced', allow_pickle: true });
    const database = new Sqlite(join(folder, 'data', 'ecolink.db'));
    const { changes } = database
      .prepare(`update instances set spec = replace(spec, '"allowPickle":true', '"allowPickle":false')`)
      .run();
    database.close();
    expect(changes).toBe(1);
    expect(await run(max, 'restart_instance', { instance: '1' })).toMatchObject({ state: 'pending' });
  });
});
