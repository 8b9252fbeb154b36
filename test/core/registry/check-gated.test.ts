import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';

test('a gated repo without access is shown with its size and why it cannot be downloaded, and is not registered', async () => {
  await using hub = await startHub();
  hub.addRepo('acme/gated', { files: { 'model.safetensors': Buffer.alloc(1000, 7) }, gated: 'manual', gate: {} });
  await using place = await startCore({ environment: { HF_ENDPOINT: hub.endpoint } });
  const source = { source: 'huggingface', repo: 'acme/gated', category: 'chat' };
  const checked = await place.run('check_model', source);
  expect(checked).toMatchObject({ gated: true, downloadable: false, bytes: 1000 });
  expect((checked['warnings'] as string[])[0]).toContain('acme/gated is gated and no credential was given');
  await expect(place.run('register_model', { name: 'gated', ...source })).rejects.toMatchObject({ code: 'gated_repo' });
});
