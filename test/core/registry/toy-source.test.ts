import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../../src/core/base/log.ts';
import { createCore } from '../../../src/core/create-core.ts';
import { createHub } from '../../../src/core/hub/hub.ts';
import type { ModelSource } from '../../../src/core/registry/sources/source.ts';
import { huggingfaceSource } from '../../../src/core/registry/sources/huggingface.ts';
import { modelSources } from '../../../src/core/registry/sources/sources.ts';
import { atTerminal, inSlack } from '../../support/callers.ts';
import { startHub } from '../../support/hub/hub.ts';
import { calls, temporaryFolder, weights, writeConfig } from '../instances/support/machine.ts';
import { defined } from '../../support/defined.ts';

const weightsOnly = {
  format: 'gguf',
  formats: ['gguf'],
  gated: false,
  architecture: {},
  warnings: [],
  leftOut: [],
} as const;

/** A collection of models with an address of its own. It takes whatever files a repo has. */
function toySource(endpoint: string, changes: readonly string[] = []): ModelSource {
  return {
    name: 'toy',
    async examine(_deps, { repo = '', revision = 'main' }) {
      const { commit, files } = await createHub(endpoint).inspect(repo, revision, undefined);
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      const about = { source: 'toy', title: `toy ${repo}`, repo, revision, commit, files, bytes };
      return { ...weightsOnly, formats: [], warnings: [], leftOut: [], ...about, entryFile: 'model.gguf' };
    },
    originOf: ({ repo, revision }) => `toy:${repo}@${revision}`,
    bytes: {
      kind: 'fetched',
      identity: 'toy.example',
      endpoint: () => endpoint,
      versionOf: ({ repo, commit }) => ({ repo: defined(repo), commit: defined(commit) }),
    },
    stateOf: async () => ({ changes }),
  };
}

/** Models in a folder that engines read in place, in a region that never changes. */
function shelfSource(): ModelSource {
  return {
    name: 'shelf',
    examine: async (_deps, { subfolder = '' }) => ({
      ...weightsOnly,
      formats: [],
      warnings: [],
      leftOut: [],
      source: 'shelf',
      title: subfolder,
      subfolder,
      files: [{ path: 'model.gguf', size: 7 }],
      entryFile: 'model.gguf',
      bytes: 7,
    }),
    originOf: ({ subfolder }) => `shelf:${subfolder}`,
    bytes: {
      kind: 'mounted',
      folderOf: ({ subfolder }) => ({ region: 'local', filesystem: 'nfs', subfolder: defined(subfolder) }),
      pathOf: async (_deps, { subfolder }) => `/shelf/${subfolder}`,
    },
    stateOf: async () => ({ changes: [] }),
  };
}

let dataDir: string;

beforeEach(async () => {
  dataDir = await temporaryFolder();
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
});

async function coreWith(hub: string, sources: readonly ModelSource[], file: Record<string, unknown> = {}) {
  const config = await writeConfig(dataDir, hub, { file });
  const log = createLog({ level: 'silent', pretty: false });
  const core = await createCore(config, log, { reconcile: true, sources });
  const local = await atTerminal(core);
  return {
    core,
    ...calls((operation, input, options) => core.execute(operation, input, local, options)),
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

test('a source that only this test knows registers, plans, downloads and runs a model', async () => {
  await using hub = await startHub();
  await using toys = await startHub();
  hub.addRepo('acme/tiny', weights());
  toys.addRepo('acme/tiny', weights(32 * 1024, 2));
  const changes = ['the toys moved'];
  await using machine = await coreWith(hub.endpoint, [...modelSources, toySource(toys.endpoint, changes)]);

  expect(await machine.run('check_model', { source: 'toy', repo: 'acme/tiny', category: 'chat' })).toMatchObject({
    source: 'toy',
    bytes: 32 * 1024,
    entries: [],
  });
  await machine.register('theirs', 'acme/tiny');
  await machine.run('register_model', { name: 'toy', source: 'toy', repo: 'acme/tiny', category: 'chat' });
  expect(await machine.run('get_model', { model: 'toy' })).toMatchObject({
    source: 'toy',
    origin: 'toy:acme/tiny@main',
  });
  expect(await machine.run('plan_launch', { model: 'toy' })).toMatchObject({
    bytes_to_fetch: 32 * 1024,
    changes: ['the toys moved'],
  });

  await expect(machine.launch('toy')).rejects.toMatchObject({ code: 'changed_since_registration' });
  changes.length = 0;
  const requests = hub.requests.length;
  const id = await machine.launch('toy');
  await machine.reach(id, 'running');
  expect(hub.requests.length).toBe(requests);
  expect(await machine.volumes()).toMatchObject([{ repo: 'acme/tiny', bytes: 32 * 1024, state: 'ready' }]);
  await machine.run('prefetch_model', { model: 'theirs' });
  await expect
    .poll(async () => (await machine.volumes()).map(({ state }) => state), { timeout: 20_000 })
    .toEqual(['ready', 'ready']);
  expect(new Set((await machine.volumes()).map(({ volume }) => volume)).size).toBe(2);
});

test('a private repo of one source does not hide a repo of the same name of another', async () => {
  await using hub = await startHub();
  await using toys = await startHub();
  hub.addRepo('acme/tiny', weights());
  toys.addRepo('acme/tiny', weights());
  await using machine = await coreWith(hub.endpoint, [...modelSources, toySource(toys.endpoint)], {
    people: [
      { name: 'root', role: 'admin', identities: ['local'] },
      { name: 'max', role: 'member', identities: ['slack:T1/MAX'] },
    ],
  });
  await machine.register('theirs', 'acme/tiny');
  const secret = { name: 'secret', source: 'toy', repo: 'acme/tiny', category: 'chat', private: true };
  await machine.run('register_model', secret);
  await machine.run('prefetch_model', { model: 'theirs' });
  await machine.run('prefetch_model', { model: 'secret' });
  const volumes = await machine.volumes();
  expect(volumes).toHaveLength(2);
  const max = { ...(await inSlack(machine.core, 'MAX')), source: 'http' as const };
  const seen = await machine.core.execute('list_cache', {}, max);
  expect(seen.items.map(({ repo }) => repo).toSorted()).toEqual(['(private)', 'acme/tiny']);
});

test('a source whose bytes are mounted is read in place, in its own region', async () => {
  const shelf = join(dataDir, 'shelf');
  await mkdir(join(shelf, 'tiny'), { recursive: true });
  await writeFile(join(shelf, 'tiny', 'model.gguf'), 'weights');
  const regions = ['local', 'spare'].map((name) => ({ name, kind: 'local' }));
  const filesystems = [{ name: 'nfs', region: 'local', path: shelf }];
  await using machine = await coreWith('http://127.0.0.1:9', [shelfSource()], { regions, filesystems });
  await machine.run('register_model', { name: 'tiny', source: 'shelf', subfolder: 'tiny', category: 'chat' });
  expect(await machine.run('get_model', { model: 'tiny' })).toMatchObject({ path: '/shelf/tiny' });
  await expect(machine.run('prefetch_model', { model: 'tiny' })).rejects.toMatchObject({ code: 'nothing_to_fetch' });
  await expect(machine.launch('tiny', { regions: ['spare'] })).rejects.toMatchObject({ code: 'region_locked' });
  const id = await machine.launch('tiny');
  expect(await machine.reach(id, 'running')).toMatchObject({ regions: [{ region: 'local' }] });
  expect(await machine.volumes()).toEqual([]);
});

test('a hub that is declared to be another one has volumes of its own', async () => {
  await using hub = await startHub();
  hub.addRepo('acme/tiny', weights());
  const sources = [...modelSources, huggingfaceSource({ name: 'company', identity: 'hub.company.example' })];
  await using machine = await coreWith(hub.endpoint, sources);
  await machine.register('one', 'acme/tiny');
  await machine.run('register_model', { name: 'two', source: 'company', repo: 'acme/tiny', category: 'chat' });
  for (const model of ['one', 'two']) await machine.run('prefetch_model', { model });
  expect(new Set((await machine.volumes()).map(({ volume }) => volume)).size).toBe(2);
});

test('a source that is not in the table is refused with the known ones', async () => {
  await using machine = await coreWith('http://127.0.0.1:9', modelSources);
  await expect(machine.run('check_model', { source: 'toy', repo: 'acme/tiny' })).rejects.toMatchObject({
    code: 'bad_field',
    field: 'source',
    validValues: ['huggingface', 'filesystem'],
  });
});
