import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import { startHub } from '../../support/hub/hub.ts';
import { callerWithRole, onePersonOfEachRole } from '../../support/people.ts';
import { defined } from '../../support/defined.ts';
import { z } from 'zod';

const volumes = z.object({ items: z.array(z.object({ volume: z.string(), repo: z.string() })) });

test("the cache names a repo only to those who may see a model of it: others' private models stay private", async () => {
  await using hub = await startHub();
  hub.addRepo('acme/secret', { files: { 'model.safetensors': Buffer.alloc(1000, 7) } });
  await using place = await startCore({ config: onePersonOfEachRole, environment: { HF_ENDPOINT: hub.endpoint } });
  await place.run('register_model', {
    name: 'hush',
    source: 'huggingface',
    repo: 'acme/secret',
    category: 'chat',
    private: true,
  });
  await place.run('prefetch_model', { model: 'hush', regions: ['local'] });
  const viewer = await callerWithRole(place.core, 'viewer');
  const shownTo = async (caller = place.local): Promise<unknown> =>
    volumes.parse(await place.run('list_cache', {}, caller)).items.map(({ repo }) => repo);
  expect(await shownTo()).toEqual(['acme/secret']);
  expect(await shownTo(viewer)).toEqual(['(private)']);

  const cached = async () => (await place.run('list_cache'))['items'];
  const { volume } = defined(volumes.parse(await place.run('list_cache')).items[0]);
  await expect.poll(cached, { timeout: 30_000 }).toMatchObject([{ state: 'ready' }]);
  const member = await callerWithRole(place.core, 'member');
  const asked = { ...member, agent: true, mayDecide: false };
  for (const [operation, more] of [
    ['evict_cache', {}],
    ['pin_cache', { pinned: true }],
  ] as const)
    for (const caller of [member, asked])
      await expect(place.run(operation, { volume, ...more }, caller)).rejects.toMatchObject({
        code: 'volume_private',
        message: expect.not.stringContaining('secret'),
      });
  // Its owner's agent asks, and only those who may decide read what it is about.
  await place.run('evict_cache', { volume }, { ...place.local, agent: true, mayDecide: false });
  expect(await place.run('get_approval', { approval: '1' })).toMatchObject({ private: true });
  await place.run('cancel_request', { approval: '1' });
  const database = new Sqlite(join(place.dataDir, 'ecolink.db'));
  database.exec(`update volumes set reason = '{"code":"repo_not_found","message":"acme/secret is gone"}'`);
  database.close();
  expect(JSON.stringify(await place.run('list_cache', {}, viewer))).not.toContain('secret');
  expect(JSON.stringify(await place.run('list_cache'))).toContain('acme/secret is gone');

  // The weights stay when the model is gone, and are as private as it was.
  await place.run('delete_model', { model: 'hush' });
  expect(await shownTo(viewer)).toEqual(['(private)']);
  expect(await shownTo()).toEqual(['acme/secret']);

  await place.run('register_model', { name: 'open', source: 'huggingface', repo: 'acme/secret', category: 'chat' });
  expect(await shownTo(viewer)).toEqual(['acme/secret']);
});

test("others' private instances of a public model are counted, never named", async () => {
  await using folder = await modelFolder();
  await using hub = await startHub();
  hub.addRepo('acme/open', { files: { 'model.safetensors': Buffer.alloc(1000, 7), 'config.json': '{}' } });
  const config = onePersonOfEachRole + folder.config;
  await using place = await startCore({ config, environment: { HF_ENDPOINT: hub.endpoint } });
  const member = await callerWithRole(place.core, 'member');
  await place.run(
    'register_model',
    { name: 'open', source: 'huggingface', repo: 'acme/open', category: 'chat' },
    member,
  );
  const launched = await place.run('launch_instance', { model: 'open', private: true });
  expect(launched).toMatchObject({ instance: 1 });
  const used = z.object({ items: z.array(z.object({ volume: z.string(), in_use_by: z.array(z.number()) })) });
  const inUse = async (caller = place.local) => used.parse(await place.run('list_cache', {}, caller)).items;
  await expect.poll(async () => (await inUse()).map((each) => each.in_use_by), { timeout: 30_000 }).toEqual([[1]]);
  expect((await inUse(member)).map((each) => each.in_use_by)).toEqual([[]]);
  expect(await place.run('get_model', { model: 'open' }, member)).toMatchObject({ instances: [] });
  expect(await place.run('get_model', { model: 'open' })).toMatchObject({ instances: [{ id: 1 }] });
  const { volume } = defined((await inUse())[0]);
  const evicting = place.run('evict_cache', { volume }, member);
  await expect(evicting).rejects.toMatchObject({
    code: 'volume_in_use',
    message: expect.stringMatching(/is used by 1 private instance\.$/),
  });
  const deleting = place.run('delete_model', { model: 'open' }, member);
  await expect(deleting).rejects.toMatchObject({
    code: 'model_in_use',
    message: expect.stringMatching(/uses it: 1 private instance\.$/),
  });
  await expect(place.run('delete_model', { model: 'open' })).rejects.toMatchObject({
    message: expect.stringContaining('open:1'),
  });
});

test("a name that another person's private model has is taken, and nothing else is told", async () => {
  await using folder = await modelFolder();
  await using place = await startCore({ config: onePersonOfEachRole + folder.config, reconcile: false });
  const member = await callerWithRole(place.core, 'member');
  await place.run('register_model', { ...tiny, private: true });
  const refused = { code: 'model_exists', message: 'The name "tiny" is taken.' };
  await expect(place.run('register_model', tiny, member)).rejects.toMatchObject(refused);
  await expect(place.run('register_model', tiny)).rejects.toMatchObject({
    message: expect.stringContaining('exists already'),
  });
});
