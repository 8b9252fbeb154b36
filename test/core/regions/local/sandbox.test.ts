import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { bubblewrapCommand } from '../../../../src/core/regions/local/sandbox/bubblewrap.ts';
import { modelPaths } from '../../../../src/core/regions/local/sandbox/model-paths.ts';
import { programPaths } from '../../../../src/core/regions/local/sandbox/program-paths.ts';
import { userWhoReads } from '../../../../src/core/regions/local/sandbox/engine-user.ts';
import type { SandboxView } from '../../../../src/core/regions/local/sandbox/view.ts';
import { missing } from '../../../support/missing.ts';
import { engineRuntime, startMachine, temporaryFolder, urlsOf, weights } from '../../instances/support/machine.ts';
import type { Machine } from '../../instances/support/machine.ts';

async function folderOfTest(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Whether another user can get to the file. */
async function isOpenToOthers(file: string): Promise<boolean> {
  for (let path = file; path !== dirname(path); path = dirname(path))
    if (((await stat(path)).mode & 0o001) === 0) return false;
  return true;
}

async function write(path: string, text = '', mode = 0o644): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text, { mode });
  return path;
}

describe('the command line of bubblewrap', () => {
  const view: SandboxView = {
    programs: ['/home/ada/venv/bin'],
    model: ['/data/ecolink/tree'],
    hidden: [],
    devices: ['/dev/nvidia0'],
    scratchBytes: 1000,
  };
  const lineOf = (more: Partial<SandboxView> = {}): string =>
    bubblewrapCommand('/usr/bin/bwrap', { ...view, ...more }, ['serve', '--port', '1']).arguments.join(' ');

  test('shows the system, the program, the devices and the model, and nothing else', () => {
    const words = lineOf().split(' ');
    const mounts = words.flatMap((word, at) => (/^--(ro-|dev-)?bind(-try)?$/.test(word) ? [words[at + 1] ?? ''] : []));
    const others = mounts.filter((path) => !/^\/(usr|s?bin|lib|opt|nix|gnu|run|sys|etc)/.test(path));
    expect(others).toEqual(['/dev/nvidia0', '/home/ada/venv/bin', '/data/ecolink/tree']);
    expect(mounts).not.toContain('/etc');
    expect(mounts).not.toContain('/run');
    expect(words).toContain('--unshare-pid');
    expect(lineOf()).toContain('--cap-drop ALL --ro-bind-try');
  });

  test('lets nobody write but to folders of limited size', () => {
    expect(lineOf()).not.toMatch(/--bind /);
    expect(lineOf().match(/--size 1000 --tmpfs \S+/g)).toEqual(
      ['/tmp', '/var/tmp', '/home/engine'].map((path) => `--size 1000 --tmpfs ${path}`),
    );
    expect(lineOf()).toContain('--remount-ro / --remount-ro /dev');
  });

  test('hides what belongs to the server where it lies below a folder of the system, and shows the model in it', () => {
    const hidden = [
      { path: '/opt/ecolink', folder: true },
      { path: '/usr/local/etc/key', folder: false },
      { path: '/root', folder: true },
    ];
    const line = lineOf({ hidden, model: ['/opt/ecolink/tree'] });
    expect(line).toContain('--tmpfs /opt/ecolink ');
    expect(line).toContain('--ro-bind /dev/null /usr/local/etc/key');
    expect(line).not.toContain('/root');
    expect(line.indexOf('--tmpfs /opt/ecolink ')).toBeLessThan(line.indexOf('--ro-bind /opt/ecolink/tree'));
  });

  test('becomes another user at the end, with the groups of the devices', () => {
    const user = { uid: 60_601, gid: 60_601, groups: [44], setpriv: '/usr/bin/setpriv' };
    expect(lineOf()).toMatch(/ -- serve --port 1$/);
    expect(lineOf({ user })).toMatch(
      / -- \/usr\/bin\/setpriv --reuid 60601 --regid 60601 --groups 44 -- serve --port 1$/,
    );
    expect(lineOf({ user })).toContain('--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --ro-bind-try');
  });
});

describe('what a program needs', () => {
  test('is its prefix, its interpreter, and the same where links lead, but not what else is in the prefix', async () => {
    const folder = await folderOfTest();
    const python = await write(join(folder, 'python', 'bin', 'python3'));
    await write(join(folder, 'python', 'lib', 'os.py'));
    await write(join(folder, 'venv', 'pyvenv.cfg'));
    await write(join(folder, 'venv', 'lib', 'vllm.py'));
    const vllm = await write(join(folder, 'venv', 'bin', 'vllm'), `#!${join(folder, 'venv', 'bin', 'python')}\n`);
    await symlink(python, join(folder, 'venv', 'bin', 'python'));
    await write(join(folder, 'home', 'share', 'keyring'));
    await mkdir(join(folder, 'home', 'bin'));
    await symlink(vllm, join(folder, 'home', 'bin', 'vllm'));
    const found = programPaths([join(folder, 'home', 'bin', 'vllm'), 'serve'], [], () => false);
    const expected = ['home/bin', 'python/bin', 'python/lib', 'venv/bin', 'venv/lib', 'venv/pyvenv.cfg'];
    expect(found.toSorted()).toEqual(expected.map((path) => join(folder, path)));
  });

  test('is not a whole folder that holds private files', async () => {
    const folder = await folderOfTest();
    const program = await write(join(folder, 'engine'));
    const secret = await write(join(folder, 'key'));
    expect(programPaths([program], [folder], (path) => secret.startsWith(path))).toEqual([program]);
    expect(programPaths([program], [], () => false)).toEqual([folder]);
  });

  test('includes the paths that the runtime names, and nothing beside them', async () => {
    const folder = await folderOfTest();
    const template = await write(join(folder, 'a.jinja'));
    await write(join(folder, 'b.jinja'));
    const others = [`--chat-template=${template}`, '--chat-template', '{model_path}', 'relative/path', '/no/such/file'];
    expect(programPaths([], others, () => false)).toEqual([template]);
  });
});

test('links of a model lead to other files of its filesystem, never out of it', async () => {
  const folder = await folderOfTest();
  const root = join(folder, 'models');
  const blob = await write(join(root, 'blobs', 'a'));
  await write(join(folder, 'outside'));
  await mkdir(join(root, 'tiny'));
  await symlink('../blobs/a', join(root, 'tiny', 'a'));
  await symlink('../../outside', join(root, 'tiny', 'b'));
  await symlink('nowhere', join(root, 'tiny', 'c'));
  expect(await modelPaths(root, join(root, 'tiny'))).toEqual([join(root, 'tiny'), blob]);
});

test('the user of an engine is one who can read the model: the wanted one, one with its group, or its owner', async () => {
  const folder = await folderOfTest();
  await chmod(folder, 0o755);
  const file = await write(join(folder, 'weights'));
  const { uid, gid } = await stat(file);
  const whoReads = () => userWhoReads(60_601, [], [file]);
  expect(await whoReads()).toEqual({ uid: 60_601, gid: 60_601 });
  const asRoot = uid === 0;
  await chmod(file, 0o640);
  expect(await whoReads()).toEqual(asRoot ? undefined : { uid: 60_601, gid });
  await chmod(file, 0o600);
  expect(await whoReads()).toEqual(asRoot ? undefined : { uid, gid });
});

const facts = z.object({ uid: z.number(), home: z.string(), tmp: z.string() });

async function factsOf(machine: Machine, id: number) {
  const [url] = await urlsOf(machine, id);
  return facts.parse(await (await fetch(`${url}/`)).json());
}

/** A machine on whose PATH there is no bubblewrap. */
async function bareMachine(region: object): Promise<Machine> {
  const machine = await startMachine({
    environment: { PATH: '/no/such/folder' },
    file: { runtimes: [engineRuntime], regions: [{ name: 'local', kind: 'local', ...region }] },
  });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', weights());
  await machine.register('tiny', 'acme/tiny');
  return machine;
}

describe('on a machine without bubblewrap', () => {
  test('an engine starts, with a HOME and a TMPDIR of its own that go with its process', async () => {
    const machine = await bareMachine({});
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    const { home, tmp } = await factsOf(machine, id);
    const replica = join(machine.dataDir, 'regions', 'local', 'instances', String(id), '0');
    expect([home, tmp]).toEqual([join(replica, 'scratch', 'home'), join(replica, 'scratch', 'tmp')]);
    expect(((await stat(home)).mode & 0o777).toString(8)).toBe('700');
    const [url] = await urlsOf(machine, id);
    const written = await fetch(`${url}/write?path=${encodeURIComponent(join(home, 'a'))}&bytes=10`);
    expect(await written.json()).toEqual({ mode: '600' });
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    expect(existsSync(home)).toBe(false);
    expect(await readdir(replica)).toContain('engine.log');
  });

  test('an engine does not start if the region demands a sandbox, and the instance says why', async () => {
    const machine = await bareMachine({ sandbox: 'required' });
    const id = await machine.launch('tiny');
    const [region] = (await machine.reach(id, 'failed')).regions;
    expect(region?.reason?.code).toBe('sandbox_missing');
    expect(region?.reason?.message).toContain('Install bubblewrap');
  });

  test('an engine of a server that is root is another user, if that user gets to its model', async () => {
    const own = process.getuid?.();
    if (own === 0 && !(await isOpenToOthers(process.execPath)))
      return missing('Node lies in a folder of root alone, so no other user could run an engine.');
    const path = await folderOfTest();
    await chmod(path, 0o711);
    const machine = await bareMachine({ path });
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    expect((await factsOf(machine, id)).uid).toBe(own === 0 ? 60_600 + id : own);
    const [url] = await urlsOf(machine, id);
    const read = async (file: string): Promise<unknown> =>
      (await fetch(`${url}/read?path=${encodeURIComponent(file)}`)).json();
    // A server that is not root cannot protect itself without bubblewrap. The doctor says so.
    const expected = own === 0 ? { error: 'EACCES' } : { bytes: expect.any(Number) };
    expect(await read(join(machine.dataDir, 'local-token'))).toEqual(expected);
    expect(await read(join(path, 'instances', String(id), '0', 'engine.log'))).toEqual(expected);
  });
});
