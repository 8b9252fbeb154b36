import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
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

  await place.run('register_model', { name: 'open', source: 'huggingface', repo: 'acme/secret', category: 'chat' });
  expect(await shownTo(viewer)).toEqual(['acme/secret']);
});
