import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import { callerWithRole, onePersonOfEachRole } from '../../support/people.ts';

test("the cache names a repo only to those who may see an entry of it: others' private models stay private", async () => {
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
    ((await place.run('list_cache', {}, caller)) as { items: { repo: string }[] }).items.map(({ repo }) => repo);
  expect(await shownTo()).toEqual(['acme/secret']);
  expect(await shownTo(viewer)).toEqual(['(private)']);
  await place.run('register_model', { name: 'open', source: 'huggingface', repo: 'acme/secret', category: 'chat' });
  expect(await shownTo(viewer)).toEqual(['acme/secret']);
});
