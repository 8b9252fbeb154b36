import { mkdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { catalogue } from '../../../src/core/operations/catalogue.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';
import type { ModelFolder } from '../../support/model-folder.ts';
import { callerWithRole, onePersonOfEachRole } from '../../support/people.ts';
import { safetensorsBytes } from '../../support/weight-bytes.ts';

const token = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';
const weights = { 'config.json': '{"num_hidden_layers":2}', 'model.safetensors': { size: 5000, seed: 'w' } };
const fromHub = { source: 'huggingface', repo: 'acme/tiny', name: 'from-hub', category: 'chat' };

let hub: Hub;
let folder: ModelFolder;
let place: TestCore;
beforeAll(async () => {
  hub = await startHub();
});
afterAll(() => hub.close());
beforeEach(async () => {
  hub.addToken(token);
  hub.addRepo('acme/tiny', { files: weights, pipeline_tag: 'text-generation', cardData: { license: 'apache-2.0' } });
  folder = await modelFolder();
  place = await startCore({
    reconcile: false,
    config: folder.config + onePersonOfEachRole,
    environment: { HF_ENDPOINT: hub.endpoint, HF_TOKEN: token },
  });
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function codeOf(running: Promise<unknown>): Promise<string | undefined> {
  return running.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

async function listed(input: object = {}, caller = place.local): Promise<string[]> {
  const { items } = await place.run('list_models', input, caller);
  return (items as { name: string }[]).map((item) => item.name);
}

describe('a name', () => {
  test.each(['a', 'tiny-chat', 'llama-3.1-8b', 'x_1', '0', 'a'.repeat(48)])('may be "%s"', async (name) => {
    expect(await place.run('register_model', { ...tiny, name })).toMatchObject({ model: name, state: 'registered' });
  });

  test.each([
    ['Tiny', 'tiny'],
    ['my model', 'my-model'],
    ['-a', 'a'],
    ['a.', 'a'],
    ['Qwen/Qwen2.5', 'qwen-qwen2.5'],
    ['a:b', 'a-b'],
    ['Ünicode', 'nicode'],
  ])('may not be "%s", and "%s" is suggested', async (name, suggestion) => {
    const refused = place.run('register_model', { ...tiny, name });
    await expect(refused).rejects.toMatchObject({ kind: 'input', code: 'bad_name', field: 'name' });
    await expect(refused).rejects.toMatchObject({ nextStep: `Take "${suggestion}", for example.` });
    await place.run('register_model', { ...tiny, name: suggestion });
  });

  test('may not be nothing but signs, for which nothing is suggested, nor longer than 48', async () => {
    await expect(place.run('register_model', { ...tiny, name: '---' })).rejects.toMatchObject({
      code: 'bad_name',
      nextStep: 'Choose another name.',
    });
    expect(await codeOf(place.run('register_model', { ...tiny, name: 'a'.repeat(49) }))).toBe('bad_field');
  });

  test('is there once, and free again when its entry is deleted', async () => {
    await place.run('register_model', tiny);
    const again = place.run('register_model', tiny);
    await expect(again).rejects.toMatchObject({ kind: 'conflict', code: 'model_exists', field: 'name' });
    await expect(again).rejects.toThrow('nfs:tiny');
    expect(await place.run('delete_model', { model: 'tiny' })).toMatchObject({ state: 'deleted' });
    expect(await listed()).toEqual([]);
    expect(await codeOf(place.run('get_model', { model: 'tiny' }))).toBe('model_not_found');
    await place.run('register_model', { ...fromHub, name: 'tiny' });
    expect(await place.run('get_model', { model: 'tiny' })).toMatchObject({ source: 'huggingface' });
    const { items } = await place.run('list_audit', { operation: 'delete_model' });
    expect(items).toHaveLength(2);
  });
});

describe('an entry', () => {
  test('cannot be changed: no operation writes to one but deletion', () => {
    const writers = catalogue
      .filter((each) => each.effect !== 'read' && /model/.test(each.name))
      .map((each) => each.name);
    expect(writers).toEqual(['register_model', 'delete_model', 'prefetch_model']);
  });

  test('keeps the commit that its branch had, and a check says that the branch has moved', async () => {
    const { sha } = hub.addRepo('acme/moving', { files: weights }).head;
    await place.run('register_model', { ...fromHub, repo: 'acme/moving' });
    const input = { source: 'huggingface', repo: 'acme/moving' };
    const asked = { name: 'from-hub', commit: sha };
    expect(await place.run('check_model', input)).toMatchObject({ commit: sha, entries: [{ ...asked, moved: false }] });
    const { sha: next } = hub.push('acme/moving', { 'new.json': '{}' });
    expect(await place.run('check_model', input)).toMatchObject({ commit: next, entries: [{ ...asked, moved: true }] });
    expect(await place.run('get_model', { model: 'from-hub' })).toMatchObject({ revision: 'main', commit: sha });
  });

  test('remembers the revision that was asked for, a branch with a slash too', async () => {
    const repo = hub.addRepo('acme/branched', { files: weights });
    repo.branch('feature/x');
    const { sha } = repo.head;
    hub.push('acme/branched', { 'new.json': '{}' });
    await place.run('register_model', { ...fromHub, repo: 'acme/branched', revision: 'feature/x' });
    const entry = await place.run('get_model', { model: 'from-hub' });
    expect(entry).toMatchObject({ revision: 'feature/x', commit: sha, origin: 'acme/branched@feature/x' });
  });

  test('has all that a check shows: files, size, format, licence, memory', async () => {
    const check = await place.run('check_model', { source: 'huggingface', repo: 'acme/tiny' });
    expect(check).toMatchObject({
      category: 'chat',
      category_reason: "the repo's task is text-generation",
      file_count: 2,
      format: 'safetensors',
      downloadable: true,
      gated: false,
      licence: 'apache-2.0',
      runtimes: [{ region: 'local', runtime: 'any' }],
    });
    await place.run('register_model', { source: 'huggingface', repo: 'acme/tiny', name: 'suggested' });
    const { commit, files, bytes, memory_bytes: memory, licence, category } = check;
    expect(await place.run('get_model', { model: 'suggested' })).toMatchObject({
      commit,
      files,
      bytes,
      licence,
      category,
      memory_bytes: memory,
    });
  });

  test('keeps its include and exclude with the files that they chose', async () => {
    const selection = { include: ['*.safetensors', '*.json'], exclude: ['config.json'] };
    await place.run('register_model', { ...fromHub, ...selection });
    expect(await place.run('get_model', { model: 'from-hub' })).toMatchObject({
      ...selection,
      files: [{ path: 'model.safetensors' }],
      bytes: 5000,
    });
  });

  test('has a category: the one that is given, else the suggested, else it is asked for', async () => {
    hub.addRepo('acme/vague', { files: weights, pipeline_tag: 'fill-mask' });
    const vague = { source: 'huggingface', repo: 'acme/vague', name: 'vague' };
    const refused = place.run('register_model', vague);
    await expect(refused).rejects.toMatchObject({ code: 'category_required', field: 'category' });
    await expect(refused).rejects.toMatchObject({ validValues: expect.arrayContaining(['chat', 'video']) as unknown });
    await place.run('register_model', { ...vague, category: 'embedding' });
    await place.run('register_model', { ...fromHub, category: 'audio' });
    expect(await listed({ category: 'audio' })).toEqual(['from-hub']);
  });

  test('is deleted by its owner or an admin, and not while an instance uses it', async () => {
    const [member, approver] = [
      await callerWithRole(place.core, 'member'),
      await callerWithRole(place.core, 'approver'),
    ];
    await place.run('register_model', tiny, member);
    expect(await codeOf(place.run('delete_model', { model: 'tiny' }, approver))).toBe('not_owner');
    const { instance } = await place.run('launch_instance', { model: 'tiny' }, member);
    const refused = place.run('delete_model', { model: 'tiny' }, member);
    await expect(refused).rejects.toMatchObject({ kind: 'conflict', code: 'model_in_use' });
    await expect(refused).rejects.toThrow(`tiny:${String(instance)} (pending)`);
    expect(await listed()).toEqual(['tiny']);
    const database = new Sqlite(join(place.dataDir, 'ecolink.db'));
    database.exec("update instances set state = 'stopped', desired = 'stopped'");
    database.close();
    expect(await place.run('delete_model', { model: 'tiny' })).toMatchObject({ state: 'deleted' });
    expect(await place.run('get_instance', { instance: String(instance) })).toMatchObject({ model: 'tiny' });
  });
});

describe('a private entry', () => {
  test('exists for its owner and admins alone', async () => {
    const [member, approver] = [
      await callerWithRole(place.core, 'member'),
      await callerWithRole(place.core, 'approver'),
    ];
    await place.run('register_model', { ...tiny, private: true }, member);
    await place.run('register_model', { ...fromHub, private: true }, member);
    expect(await listed({}, member)).toEqual(['from-hub', 'tiny']);
    expect(await listed({}, place.local)).toEqual(['from-hub', 'tiny']);
    expect(await listed({}, approver)).toEqual([]);
    for (const operation of ['get_model', 'delete_model', 'plan_launch', 'launch_instance', 'prefetch_model']) {
      expect(await codeOf(place.run(operation, { model: 'tiny' }, approver))).toBe('model_not_found');
    }
    const check = await place.run('check_model', { source: 'huggingface', repo: 'acme/tiny' }, approver);
    expect(check['entries']).toEqual([]);
    const taken = place.run('register_model', tiny, approver);
    await expect(taken).rejects.toMatchObject({ code: 'model_exists' });
    await expect(taken).rejects.not.toThrow('nfs:tiny');
  });
});

describe('a list', () => {
  test('pages by name and searches for what was typed, % and _ as themselves', async () => {
    for (const subfolder of ['100%', 'a_b', 'axb']) {
      await folder.write(`${subfolder}/model.safetensors`, safetensorsBytes());
      await place.run('register_model', { ...tiny, subfolder, name: `m-${subfolder.replace('%', '')}` });
    }
    expect(await listed({ query: '%' })).toEqual(['m-100']);
    expect(await listed({ query: 'A_B' })).toEqual(['m-a_b']);
    expect(await listed({ query: 'm-' })).toHaveLength(3);
    const first = await place.run('list_models', { limit: 2 });
    expect(await listed({ limit: 2, cursor: first['next_cursor'] })).toEqual(['m-axb']);
    expect(await codeOf(place.run('list_models', { cursor: 'made up' }))).toBe('bad_cursor');
    const ofAnotherList = (await place.run('list_audit', { limit: 1 }))['next_cursor'];
    expect(await codeOf(place.run('list_models', { cursor: ofAnotherList }))).toBe('bad_cursor');
  });
});

describe('a folder', () => {
  test.each([
    ['/etc', 'bad_subfolder'],
    ['../x', 'bad_subfolder'],
    ['tiny/../../x', 'bad_subfolder'],
    ['missing', 'subfolder_not_found'],
    ['tiny/model.safetensors', 'subfolder_not_found'],
    ['out', 'link_leads_out'],
    ['holds-link', 'link_leads_out'],
    ['empty', 'not_a_model'],
  ])('"%s" is refused with %s', async (subfolder, code) => {
    await symlink('/usr', join(folder.path, 'out'));
    await mkdir(join(folder.path, 'empty'));
    await folder.write('holds-link/model.safetensors', 'weights');
    await symlink('/etc/hostname', join(folder.path, 'holds-link', 'config.json'));
    expect(await codeOf(place.run('register_model', { ...tiny, subfolder }))).toBe(code);
    expect(await listed()).toEqual([]);
  });

  test('locks its model to the region of its filesystem', async () => {
    await place.run('register_model', tiny);
    expect(await place.run('get_model', { model: 'tiny' })).toMatchObject({ region: 'local', path: '/models/tiny' });
  });

  test('that has changed since is launched only by somebody who accepts what changed', async () => {
    await place.run('register_model', tiny);
    await folder.write('tiny/model.safetensors', 'other weights');
    await folder.write('tiny/new.json', '{}');
    await rename(join(folder.path, 'tiny/config.json'), join(folder.path, 'tiny/gone.txt'));
    const plan = await place.run('plan_launch', { model: 'tiny' });
    expect(plan['changes']).toEqual(
      expect.arrayContaining(['config.json is gone', 'model.safetensors had 17 bytes and has 13', 'new.json is new']),
    );
    const refused = place.run('launch_instance', { model: 'tiny' });
    await expect(refused).rejects.toMatchObject({ kind: 'conflict', code: 'changed_since_registration' });
    const accepted = { model: 'tiny', plan_digest: plan['digest'] };
    expect(await place.run('launch_instance', accepted)).toMatchObject({ state: 'pending' });
  });
});

describe('a gated repo', () => {
  const gated = { ...fromHub, repo: 'acme/gated' };
  beforeEach(() => hub.addRepo('acme/gated', { files: weights, gated: 'manual', gate: { alice: 'accepted' } }));

  test('is registered with the local person’s HF_TOKEN, named or not, and the entry remembers which', async () => {
    await place.run('register_model', gated);
    await place.run('register_model', { ...gated, name: 'named', credential: 'env' });
    expect(await listed()).toEqual(['from-hub', 'named']);
    const check = { source: 'huggingface', repo: 'acme/gated' };
    expect(await place.run('check_model', check)).toMatchObject({ gated: true, downloadable: true });
  });

  test('is nobody else’s to register with it', async () => {
    const admin = await callerWithRole(place.core, 'admin');
    expect(await codeOf(place.run('register_model', gated, admin))).toBe('gated_repo');
    const named = place.run('register_model', { ...gated, credential: 'env' }, admin);
    await expect(named).rejects.toMatchObject({ code: 'credential_not_found', field: 'credential' });
    await expect(named).rejects.toMatchObject({ validValues: undefined });
  });

  test('is refused where the token cannot download, though its metadata is public', async () => {
    hub.addRepo('acme/gated', { files: weights, gated: 'manual', gate: { alice: 'pending' } });
    expect(await codeOf(place.run('register_model', gated))).toBe('gated_awaiting_review');
    expect(await listed()).toEqual([]);
  });
});

test('HF_TOKEN is not shown to the Hub for what everybody may read', async () => {
  hub.resetCounters();
  await place.run('register_model', fromHub);
  expect(hub.requests.length).toBeGreaterThan(2);
  expect(hub.requests.some((request) => request.authorization)).toBe(false);
});
