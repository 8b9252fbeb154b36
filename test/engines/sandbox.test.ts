import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { findCommand } from '../../src/core/runtimes/built-in.ts';
import {
  engineRuntime,
  logOf,
  startMachine,
  temporaryFolder,
  urlsOf,
  weights,
} from '../core/instances/support/machine.ts';
import type { Machine } from '../core/instances/support/machine.ts';
import { processesWith } from '../core/instances/support/processes.ts';
import { defined } from '../support/defined.ts';

const bwrap = findCommand('bwrap', process.env['PATH']);
if (bwrap === undefined) {
  if (process.env['CI'] === 'true') throw new Error('bwrap is not on the PATH: install bubblewrap.');
  process.stderr.write('SKIPPED: bwrap is not on the PATH.\n');
}

const outcome = z.object({
  bytes: z.number().optional(),
  names: z.array(z.string()).optional(),
  mode: z.string().optional(),
  error: z.string().optional(),
});
const missing = { error: 'ENOENT' };
const megabyte = 1024 ** 2;

describe.skipIf(bwrap === undefined)('an engine in bubblewrap', () => {
  const undo = new AsyncDisposableStack();
  let machine: Machine;
  let models: string;
  let id: number;
  let other: number;

  beforeAll(async () => {
    models = await temporaryFolder();
    undo.defer(() => rm(models, { recursive: true, force: true }));
    await writeShared();
    machine = undo.use(
      await startMachine({
        file: {
          runtimes: [engineRuntime],
          regions: [{ name: 'local', kind: 'local', sandbox: 'required', scratch_gib: 1 / 1024 }],
          filesystems: [{ name: 'shared', region: 'local', path: models }],
        },
      }),
    );
    await chmod(machine.dataDir, 0o700);
    machine.hub.addRepo('acme/tiny', weights());
    machine.hub.addRepo('acme/other', weights(32 * 1024, 2));
    await machine.register('tiny', 'acme/tiny');
    await machine.register('other', 'acme/other');
    id = await machine.launch('tiny', { arguments: ['--tag', machine.dataDir] });
    other = await machine.launch('other');
    await machine.reach(id, 'running');
    await machine.reach(other, 'running');
  });

  afterAll(() => undo.disposeAsync());

  /** Two models on a shared filesystem. The weights of the first are links, as in a cache of the Hub. */
  async function writeShared(): Promise<void> {
    await chmod(models, 0o755);
    for (const folder of ['blobs', 'linked', 'secret']) await mkdir(join(models, folder));
    await writeFile(join(models, 'blobs', 'a'), makeTinyGguf());
    await symlink('../blobs/a', join(models, 'linked', 'model.gguf'));
    await writeFile(join(models, 'secret', 'model.gguf'), makeTinyGguf());
  }

  async function ask(instance: number, path: string) {
    const [url] = await urlsOf(machine, instance);
    return (await fetch(`${url}${path}`)).json();
  }

  const facts = z.object({ model: z.string(), home: z.string(), tmp: z.string(), uid: z.number() });
  const factsOf = async (instance: number) => facts.parse(await ask(instance, '/'));
  const read = async (path: string, by = id) => outcome.parse(await ask(by, `/read?path=${encodeURIComponent(path)}`));
  const write = async (path: string, bytes: number) =>
    outcome.parse(await ask(id, `/write?path=${encodeURIComponent(path)}&bytes=${bytes}`));

  it('reads its model', async () => {
    expect(await read((await factsOf(id)).model)).toEqual({ bytes: 64 * 1024 });
  });

  it('reads nothing of the data folder but the way to its model', async () => {
    const { dataDir } = machine;
    expect(await read(dataDir)).toEqual({ names: ['regions'] });
    for (const name of ['ecolink.db', 'local-token', 'ecolink.yaml', 'audit-heads.jsonl'])
      expect(await read(join(dataDir, name))).toEqual(missing);
    expect(await read(join(dataDir, 'regions', 'local'))).toEqual({ names: ['volumes'] });
  });

  it('reads no other model, of a volume or of a shared filesystem', async () => {
    expect(await read((await factsOf(other)).model)).toEqual(missing);
    expect(await read(models)).toEqual(missing);
  });

  it('reads no home folder, no key, no password of the machine, and no other process', async () => {
    // Of a home folder that holds EcoLink itself, only the way to it is there.
    const below = relative(homedir(), import.meta.dirname);
    const way = below.startsWith('..') ? missing : { names: [below.split(sep)[0]] };
    expect(await read(homedir())).toEqual(way);
    expect(await read(join(homedir(), '.config', 'ecolink', 'audit.key'))).toEqual(missing);
    expect(await read('/etc/shadow')).toEqual(missing);
    expect(await read(`/proc/${process.pid}/environ`)).toEqual(missing);
  });

  it('sees the folder of its own model on a shared filesystem, and where its links lead', async () => {
    const input = { name: 'linked', source: 'filesystem', filesystem: 'shared', subfolder: 'linked', category: 'chat' };
    await machine.run('register_model', input);
    const shared = await machine.launch('linked');
    await machine.reach(shared, 'running');
    expect(await read(join(models, 'linked', 'model.gguf'), shared)).toEqual({ bytes: makeTinyGguf().length });
    expect(await read(join(models, 'secret', 'model.gguf'), shared)).toEqual(missing);
    expect(await read(models, shared)).toEqual({ names: ['blobs', 'linked'] });
  });

  it('writes to its own HOME and TMPDIR only, which have a limit and are closed to others', async () => {
    const { home, tmp, model } = await factsOf(id);
    for (const folder of [home, tmp]) {
      expect(await write(join(folder, 'small'), 10)).toEqual({ mode: '600' });
      expect(await write(join(folder, 'large'), 2 * megabyte)).toEqual({ error: 'ENOSPC' });
      expect(await read(join(folder, 'small'), other)).toEqual(missing);
    }
    expect(await write(model, 10)).toEqual({ error: expect.stringMatching(/EROFS|EACCES/) });
    for (const path of ['/new', '/dev/new', '/usr/new'])
      expect(await write(path, 10)).toEqual({ error: expect.stringMatching(/EROFS|EACCES/) });
    // The folders on the way to its model are not those of the machine.
    await write(join(machine.dataDir, 'new'), 10);
    expect(existsSync(join(machine.dataDir, 'new'))).toBe(false);
  });

  it("is another user for each instance if the server is root, else the server's own", async () => {
    const own = process.getuid?.();
    const users = [await factsOf(id), await factsOf(other)].map(({ uid }) => uid);
    expect(users).toEqual(own === 0 ? [60_600 + id, 60_600 + other] : [own, own]);
  });

  it('still serves a model that only the user of the server can read', async () => {
    await chmod(join(models, 'secret', 'model.gguf'), 0o600);
    const input = { name: 'secret', source: 'filesystem', filesystem: 'shared', subfolder: 'secret', category: 'chat' };
    await machine.run('register_model', input);
    const secret = await machine.launch('secret');
    await machine.reach(secret, 'running');
    expect(await read(join(models, 'secret', 'model.gguf'), secret)).toEqual({ bytes: makeTinyGguf().length });
    expect(await read(machine.dataDir, secret)).toEqual(missing);
    // It is the server's own user, and without rights over the kernel.
    expect((await factsOf(secret)).uid).toBe(process.getuid?.());
    const write = `/write?path=${encodeURIComponent('/proc/sys/kernel/core_pattern')}&bytes=0`;
    expect(await ask(secret, write)).toEqual({ error: expect.stringMatching(/EROFS|EACCES/) });
  });

  it('ends with its workers, even if they ignore TERM', async () => {
    const workers = async () =>
      (await processesWith(machine.dataDir)).filter(({ line }) => line.includes('--stubborn'));
    const stubborn = await machine.launch('tiny', { arguments: ['--worker'] });
    await machine.reach(stubborn, 'running');
    expect(await workers()).toHaveLength(1);
    await machine.run('stop_instance', { instance: String(stubborn) });
    await machine.reach(stubborn, 'stopped');
    expect(await workers()).toEqual([]);
  });

  it('says how it ended if it ends by itself', async () => {
    const cursed = await machine.launch('tiny', { arguments: ['--crash-if', '/usr'] });
    const [region] = (await machine.reach(cursed, 'failed')).regions;
    expect(region?.reason?.message).toContain('exit status 3');
    expect(await logOf(machine, cursed)).toContain('the weights are cursed');
    expect(defined(region).restarts).toBeGreaterThan(0);
  });
});
