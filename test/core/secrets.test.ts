import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { capturedLog } from '../support/captured-log.ts';
import { startCore } from '../support/core.ts';
import { gossip } from '../support/credentials.ts';
import type { TestCore } from '../support/core.ts';
import { startHub } from '../support/hub/hub.ts';

const hfToken = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';

const patient = { timeout: 50_000 };

/** Files below the folder that hold the text, in their paths or in their bytes. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const bytes = (await stat(path)).isFile() ? await readFile(path) : Buffer.alloc(0);
    if (name.includes(text) || bytes.includes(text)) found.push(name);
  }
  return found;
}

/** Runs the whole main job, with things that go wrong in between. Answers with all that a caller was told. */
async function everything(place: TestCore): Promise<string> {
  const told: unknown[] = [];
  const run = async (operation: string, input: object = {}) => {
    const answer = await place.run(operation, input).catch((thrown: { toBody(): object }) => thrown.toBody());
    told.push(answer);
    return answer as Record<string, unknown>;
  };
  const source = { source: 'huggingface', repo: 'acme/gated', category: 'chat' };
  await run('check_model', source);
  await run('register_model', { ...source, name: 'gated', credential: 'env' });
  await run('register_model', { ...source, name: 'wrong', credential: hfToken });
  await run('register_model', { ...source, name: 'missing', repo: 'acme/missing', credential: 'env' });
  await run('prefetch_model', { model: 'gated' });
  await expect.poll(async () => JSON.stringify(await run('list_cache')), patient).toContain('"ready"');
  const { instance } = await run('launch_instance', { model: 'gated', reason: 'to see' });
  await expect
    .poll(async () => JSON.stringify(await run('get_instance_logs', { instance: String(instance) })), patient)
    .toContain('PATH=');
  await run('stop_instance', { instance: String(instance) });
  await expect
    .poll(async () => (await run('get_instance', { instance: String(instance) }))['state'], patient)
    .toBe('stopped');
  await run('list_audit', { limit: 100 });
  return JSON.stringify(told);
}

test('no token and no signed link is in an answer, in the log, in an engine’s environment or anywhere in the data folder', async () => {
  await using hub = await startHub();
  hub.addToken(hfToken);
  const files = { 'config.json': '{}', 'model.safetensors': { size: 300_000, seed: 's' } };
  hub.addRepo('acme/gated', { files, gated: 'manual', gate: { alice: 'accepted' } });
  const log = capturedLog();
  const environment = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: hfToken };
  await using place = await startCore({ config: gossip, environment, log: log.log });
  const { token: ecoToken } = await place.core.access.createToken(await place.core.access.local(), 'made', ['call']);
  const localToken = (await readFile(join(place.dataDir, 'local-token'), 'utf8')).trim();

  const told = await everything(place);

  expect(hub.requestsTo('cdn').length).toBeGreaterThan(0);
  expect(log.lines().length).toBeGreaterThan(5);
  for (const secret of [hfToken, ecoToken, localToken, 'Signature=']) {
    expect(told).not.toContain(secret);
    expect(log.text()).not.toContain(secret);
    expect(await filesWith(place.dataDir, secret)).toEqual(secret === localToken ? ['local-token'] : []);
  }
  expect((await stat(join(place.dataDir, 'local-token'))).mode & 0o777).toBe(0o600);
});
