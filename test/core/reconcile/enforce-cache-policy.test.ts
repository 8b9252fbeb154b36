import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import { z } from 'zod';

it('frees what the policy no longer keeps, and leaves an audit row that says why', async () => {
  await using hub = await startHub();
  hub.addRepo('acme/tiny', { files: { 'model.safetensors': Buffer.alloc(200_000, 7), 'config.json': '{}' } });
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-test-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  {
    await using place = await startCore({ dataDir, environment: { HF_ENDPOINT: hub.endpoint } });
    await place.run('register_model', { name: 'tiny', source: 'huggingface', repo: 'acme/tiny', category: 'chat' });
    await place.run('prefetch_model', { model: 'tiny', regions: ['local'] });
    await expect.poll(async () => states(await place.run('list_cache')), { timeout: 20_000 }).toEqual(['ready']);
  }
  const file = join(dataDir, 'policy.yaml');
  await writeFile(file, 'cache: { keep_days: 0.0000001 }\n');
  await using place = await startCore({ dataDir, environment: { HF_ENDPOINT: hub.endpoint, ECOLINK_CONFIG: file } });
  await expect.poll(async () => states(await place.run('list_cache')), { timeout: 20_000 }).toEqual([]);
  const rows = async () => auditRows.parse(await place.run('list_audit', { operation: 'evict_cache' })).items;
  await expect.poll(async () => (await rows())[0]).toMatchObject({ person: 'cache policy', outcome: 'done' });
  expect((await rows()).at(-1)?.input).toContain('it was not used for');
});

const auditRows = z.object({
  items: z.array(z.object({ person: z.string(), outcome: z.string().optional(), input: z.string().optional() })),
});

const volumes = z.object({ items: z.array(z.object({ state: z.string() })) });

function states(output: Record<string, unknown>): string[] {
  return volumes.parse(output).items.map(({ state }) => state);
}
