import { mkdir, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defined } from '../../support/defined.ts';
import { ggufBytes } from '../../support/weight-bytes.ts';
import { askEngine, startMachine, temporaryFolder, urlsOf } from '../instances/support/machine.ts';
import type { Machine } from '../instances/support/machine.ts';

const regions = [
  { name: 'east', kind: 'local' },
  { name: 'west', kind: 'local' },
];

let machine: Machine;
let shared: string;

async function folderOfTest(): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

beforeEach(async () => {
  shared = await folderOfTest();
  await mkdir(join(shared, 'teams', 'nlp', 'tiny'), { recursive: true });
  await mkdir(join(shared, 'teams', 'vision'));
  await writeFile(join(shared, 'teams', 'nlp', 'tiny', 'model.gguf'), ggufBytes('weights'));
  await writeFile(join(shared, 'teams', 'nlp', 'tiny', 'config.json'), '{"num_hidden_layers":2}');
  const filesystems = [{ name: 'shared', region: 'west', path: shared, mount_path: '/mnt/models' }];
  machine = await startMachine({ file: { regions, filesystems } });
  onTestFinished(() => machine[Symbol.asyncDispose]());
});

function register(subfolder: string, name = 'tiny') {
  const source = { source: 'filesystem', filesystem: 'shared', subfolder, category: 'chat' };
  return machine.run('register_model', { name, ...source });
}

const inPlace = 'teams/nlp/tiny';

/** Every path below the filesystem's root, with what a write would change. */
async function everything(): Promise<string[]> {
  const entries = await readdir(shared, { recursive: true });
  const lines = entries.map(async (path) => {
    const { size, mtimeMs, ctimeMs, ino } = await stat(join(shared, path));
    return [path, size, mtimeMs, ctimeMs, ino].join(' ');
  });
  return (await Promise.all(lines)).sort();
}

describe('a model on a filesystem', () => {
  test('is mounted in place: nothing is downloaded, and it runs in the region of its filesystem', async () => {
    const before = await everything();
    await register(inPlace);
    const plan = await machine.run('plan_launch', { model: 'tiny' });
    expect(plan).toMatchObject({
      changes: [],
      bytes_to_fetch: 0,
      regions: [{ region: 'west', volume: { state: 'mounted', bytes_to_fetch: 0 } }],
    });
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    const [url] = await urlsOf(machine, id);
    expect((await askEngine(defined(url))).model).toBe(join(shared, inPlace, 'model.gguf'));
    expect(await machine.volumes()).toEqual([]);
    await expect(machine.run('prefetch_model', { model: 'tiny' })).rejects.toMatchObject({ code: 'nothing_to_fetch' });
    await machine.run('stop_instance', { instance: String(id) });
    await machine.reach(id, 'stopped');
    await machine.run('delete_model', { model: 'tiny' });
    expect(await everything()).toEqual(before);
    const copies = await readdir(join(machine.dataDir, 'regions', 'west'), { recursive: true });
    expect(copies.filter((path) => path.endsWith('.gguf'))).toEqual([]);
  });

  test('does not run in another region, not even in addition to its own', async () => {
    await register(inPlace);
    for (const asked of [['east'], ['west', 'east']]) {
      await expect(machine.launch('tiny', { regions: asked })).rejects.toMatchObject({
        code: 'region_locked',
        validValues: ['west'],
      });
    }
    await machine.reach(await machine.launch('tiny', { regions: ['west'] }), 'running');
  });

  const changes: [string, (folder: string) => Promise<void>, string][] = [
    [
      'a weights file grew',
      (folder) => writeFile(join(folder, 'model.gguf'), 'more weights'),
      'had 11 bytes and has 12',
    ],
    ['a file came', (folder) => writeFile(join(folder, 'adapter.json'), '{}'), 'adapter.json is new'],
    [
      'a file was renamed',
      (folder) => rename(join(folder, 'config.json'), join(folder, 'configuration.json')),
      'config.json is gone',
    ],
    [
      'weights of the same size were written again',
      (folder) => utimes(join(folder, 'model.gguf'), new Date(0), new Date(0)),
      'model.gguf was written again',
    ],
  ];
  test.each(changes)('needs a confirmed plan before it is launched if %s', async (_what, change, said) => {
    await register(inPlace);
    const before = await machine.run('plan_launch', { model: 'tiny' });
    await change(join(shared, inPlace));
    const refused = machine.launch('tiny');
    await expect(refused).rejects.toMatchObject({
      code: 'changed_since_registration',
      message: expect.stringContaining(said),
    });
    const plan = await machine.run('plan_launch', { model: 'tiny' });
    expect(plan['changes']).toEqual(expect.arrayContaining([expect.stringContaining(said)]));
    expect(plan['digest']).not.toBe(before['digest']);
    await expect(machine.launch('tiny', { plan_digest: before['digest'] })).rejects.toMatchObject({
      code: 'plan_changed',
    });
    await machine.reach(await machine.launch('tiny', { plan_digest: plan['digest'] }), 'running');
  });
});

describe('an engine', () => {
  const weights = (): string => join(shared, inPlace, 'model.gguf');

  async function swap(content: Buffer): Promise<void> {
    const { mtimeMs } = await stat(weights());
    await writeFile(weights(), content);
    // Half a millisecond more, so that rounding does not make it another millisecond.
    const seconds = (Math.trunc(mtimeMs) + 0.5) / 1000;
    await utimes(weights(), seconds, seconds);
  }

  test('does not start from files that were swapped after they were accepted, and starts when they are back', async () => {
    await register(inPlace);
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    await swap(ggufBytes('WEIGHTS'));
    await machine.run('scale_instance', { instance: String(id), replicas: 2 });
    await expect
      .poll(async () => (await machine.get(id)).regions)
      .toMatchObject([{ state: 'degraded', ready: 1, reason: { code: 'files_changed' } }]);
    await swap(ggufBytes('weights'));
    const found = await machine.reach(id, 'running');
    expect(found.ready).toBe(2);
  });

  test('starts from the changed files after a restart that accepts them', async () => {
    await register(inPlace);
    const id = await machine.launch('tiny');
    await machine.reach(id, 'running');
    await swap(ggufBytes('WEIGHTS'));
    const refused = machine.run('restart_instance', { instance: String(id) });
    await expect(refused).rejects.toMatchObject({ code: 'changed_since_registration' });
    const error: unknown = await refused.catch((thrown: unknown) => thrown);
    const [digest] = z.object({ validValues: z.array(z.string()) }).parse(error).validValues;
    await machine.run('restart_instance', { instance: String(id), plan_digest: digest });
    await machine.reach(id, 'running');
  });
});

describe('a subfolder', () => {
  const bad: [string, string][] = [
    ['/etc', 'bad_subfolder'],
    ['../shared', 'bad_subfolder'],
    ['teams/../../etc', 'bad_subfolder'],
    ['teams/nlp/..', 'bad_subfolder'],
    ['teams/nlp/tiny/model.gguf', 'subfolder_not_found'],
    ['teams/vision', 'not_a_model'],
  ];
  test.each(bad)('%s is refused: %s', async (subfolder, code) => {
    await expect(register(subfolder)).rejects.toMatchObject({ code, field: 'subfolder' });
    expect((await machine.run('list_models', {}))['items']).toEqual([]);
  });

  test('that does not exist is an error with the folders that exist', async () => {
    await expect(register('teams/nlq/tiny')).rejects.toMatchObject({
      code: 'subfolder_not_found',
      message: expect.stringContaining('teams holds'),
      validValues: expect.arrayContaining(['teams/nlp', 'teams/vision']),
    });
  });

  test('is the same folder with slashes and dots around it', async () => {
    await register(`./${inPlace}/`);
    expect(await machine.run('get_model', { model: 'tiny' })).toMatchObject({
      subfolder: inPlace,
      path: `/mnt/models/${inPlace}`,
    });
  });

  test('that is, or contains, a link out of the filesystem is refused', async () => {
    const outside = await folderOfTest();
    await writeFile(join(outside, 'model.gguf'), 'secret');
    await symlink(outside, join(shared, 'out'));
    await expect(register('out')).rejects.toMatchObject({ code: 'link_leads_out' });
    await symlink(join(outside, 'model.gguf'), join(shared, inPlace, 'second.gguf'));
    await expect(register(inPlace)).rejects.toMatchObject({ code: 'link_leads_out' });
  });

  test('may be, or contain, a link that stays inside the filesystem', async () => {
    await symlink(join(shared, inPlace), join(shared, 'latest'));
    await mkdir(join(shared, 'linked'));
    await symlink('../teams/nlp/tiny/model.gguf', join(shared, 'linked', 'model.gguf'));
    expect(await register('latest', 'latest')).toMatchObject({ state: 'registered' });
    expect(await register('linked', 'linked')).toMatchObject({ state: 'registered' });
  });

  test('that becomes a link out of the filesystem after its registration cannot be launched', async () => {
    await register(inPlace);
    const outside = await folderOfTest();
    await rename(join(shared, inPlace), join(outside, 'tiny'));
    await symlink(join(outside, 'tiny'), join(shared, inPlace));
    await expect(machine.launch('tiny')).rejects.toMatchObject({ code: 'link_leads_out' });
  });
});
