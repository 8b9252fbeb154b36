import { copyFile, mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inSlack } from '../../support/callers.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { modelFolder } from '../../support/model-folder.ts';
import type { ModelFolder } from '../../support/model-folder.ts';
import type { Caller } from '../../../src/core/base/caller.ts';

// The fixture is what commit a2d1cb0 wrote: Max registered `tiny` and `spare`, launched `tiny`, and asked for three things.
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/databases/${name}`, import.meta.url));
const registeredAt = new Date('2026-11-20T12:00:00Z');

let dataDir: string;
let folder: ModelFolder;
let place: TestCore;
let max: Caller;
let ada: Caller;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'ecolink-old-'));
  folder = await modelFolder();
  // Registered before EcoLink looked at the first bytes of weights.
  await folder.write('tiny/model.safetensors', 'weights');
  for (const file of ['config.json', 'model.safetensors'])
    await utimes(join(folder.path, 'tiny', file), registeredAt, registeredAt);
  const database = new Sqlite(join(dataDir, 'ecolink.db'));
  // Its tables come in the order of their names.
  database.pragma('foreign_keys = OFF');
  database.exec(await readFile(fixture('a2d1cb0.sql'), 'utf8'));
  // Kept for seven days, and asked for by now: the fixture grows old.
  database.exec(`update idempotency set created_at = '${new Date().toISOString()}'`);
  database.exec(`update approvals set expires_at = '2999-01-01T00:00:00.000Z'`);
  database.close();
  await copyFile(fixture('a2d1cb0.heads.jsonl'), join(dataDir, 'audit-heads.jsonl'));
  const config = `
regions: [{ name: local, kind: local, accelerators: [{ name: h100, total: 64 }] }]
prices: { h100: 2 }
people:
  - { name: root, role: admin, identities: [local] }
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
  - { name: max, role: member, identities: ["slack:T1/MAX"] }
policy:
  - when: { operations: [launch_instance], accelerators: [h100] }
    require: { approvers: { roles: [approver] } }
  - when: { operations: [delete_model, scale_instance] }
    require: { approvers: { roles: [approver] } }
`;
  place = await startCore({ dataDir, config: config + folder.config });
  max = { ...(await inSlack(place.core, 'MAX')), source: 'http' };
  ada = await inSlack(place.core, 'ADA');
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

async function approve(id: number): Promise<void> {
  await place.core.execute('approve_request', { approval: String(id) }, ada);
  await expect
    .poll(async () => {
      const { state, reason } = await place.core.execute('get_approval', { approval: String(id) }, ada);
      return { state, reason };
    })
    .toEqual({ state: 'done', reason: undefined });
}

describe('a database of commit a2d1cb0', () => {
  test('shows its models, its instance and its requests', async () => {
    const models = await place.core.execute('list_models', {}, max);
    expect(models.items.map(({ name }) => name)).toEqual(['spare', 'tiny']);
    const instance = await place.core.execute('get_instance', { instance: 'tiny:1' }, max);
    expect(instance).toMatchObject({ model_id: 'tiny:1', replicas: 1, runtime: 'any' });
    const requests = await place.core.execute('list_approvals', { state: 'pending' }, ada);
    expect(requests.items.map(({ operation }) => operation)).toEqual([
      'scale_instance',
      'delete_model',
      'launch_instance',
    ]);
  });

  test('has an audit that holds', async () => {
    const root = place.local;
    // Older versions kept neither facts nor rules.
    const verified = await place.core.execute('verify_audit', { replay: true }, root);
    expect(verified).toMatchObject({ holds: true, replayed: 0 });
    expect(verified.not_replayable).toBeGreaterThan(0);
  });

  test('runs its pending launch: its digest is still that of what was asked', async () => {
    await approve(1);
    const launched = await place.core.execute('get_instance', { instance: '2' }, max);
    expect(launched).toMatchObject({ accelerator: 'h100', accelerator_count: 2, reason: 'demo' });
    expect(launched.stop_at).toBeDefined();
  });

  test('runs its pending deletion and its pending scale', async () => {
    await approve(2);
    await expect(place.core.execute('get_model', { model: 'spare' }, max)).rejects.toMatchObject({
      code: 'model_not_found',
    });
    await approve(3);
    expect(await place.core.execute('get_instance', { instance: '1' }, max)).toMatchObject({ replicas: 2 });
  });

  test('compares the folder of a model by the fingerprint that it was registered with', async () => {
    const changes = async () => (await place.core.execute('plan_launch', { model: 'tiny' }, max)).changes;
    expect(await changes()).toEqual([]);
    const config = join(folder.path, 'tiny/config.json');
    await utimes(config, new Date(0), new Date(0));
    expect(await changes()).toEqual(['config.json was written again']);
    await utimes(config, registeredAt, registeredAt);
    expect(await changes()).toEqual([]);
    await folder.write('tiny/config.json', '{"model_type":"llamb"}');
    await utimes(config, registeredAt, registeredAt);
    expect(await changes()).toEqual(['a config file has other content']);
    await folder.write('tiny/config.json', '{"model_type":"llama"}');
    await utimes(config, registeredAt, registeredAt);
  });

  test('answers to its idempotency keys with what the first calls made', async () => {
    const input = { source: 'filesystem', filesystem: 'nfs', subfolder: 'tiny', category: 'chat' } as const;
    const again = await place.core.execute(
      'register_model',
      { ...input, name: 'tiny', idempotency_key: 'register-1' },
      max,
    );
    expect(again).toMatchObject({ model: 'tiny', state: 'registered' });
    const launch = await place.core.execute('launch_instance', { model: 'tiny', idempotency_key: 'launch-1' }, max);
    expect(launch).toMatchObject({ instance: 1, model_id: 'tiny:1' });
    await expect(
      place.core.execute('launch_instance', { model: 'tiny', replicas: 3, idempotency_key: 'launch-1' }, max),
    ).rejects.toMatchObject({ code: 'idempotency_key_used' });
  });
});
