import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { createHub } from '../../../src/core/hub/hub.ts';
import type { HubCredential } from '../../../src/core/hub/hub.ts';
import { startHub } from '../../support/hub/hub.ts';
import type { Hub } from '../../support/hub/hub.ts';
import type { RepoOptions } from '../../support/hub/repo.ts';

const env: HubCredential = { name: 'env', token: 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz' };
const files = { 'config.json': '{"num_hidden_layers":2}', 'model.safetensors': { size: 10_000, seed: 'w' } };

let hub: Hub;
beforeAll(async () => {
  hub = await startHub();
});
beforeEach(() => {
  hub.resetCounters();
  hub.tokens.clear();
});
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());

/** What a registration asks of the Hub: what is there, and whether the weights really come. */
async function look(repo: string, revision: string, credential?: HubCredential, timeoutMs = 10_000) {
  const client = createHub(hub.endpoint, { timeoutMs });
  const snapshot = await client.inspect(repo, revision, credential);
  await client.probe(repo, snapshot.commit, 'model.safetensors', credential);
  return snapshot;
}

async function refusal(repo: string, credential?: HubCredential, revision = 'main', timeoutMs?: number) {
  const thrown: unknown = await look(repo, revision, credential, timeoutMs).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof EcolinkError)) throw new Error('It was let through, or failed without words');
  expect(JSON.stringify(thrown.toBody())).not.toContain(env.token);
  return thrown;
}

/** Adds the repo under the given name; its gate and its owner are the test's matter. */
function repo(options: Partial<RepoOptions>, id = 'acme/guarded'): string {
  return hub.addRepo(id, { files, ...options }).id;
}

describe('a gated repo', () => {
  test('without a credential asks for one', async () => {
    const error = await refusal(repo({ gated: 'manual' }));
    expect(error).toMatchObject({ kind: 'refused', code: 'gated_repo', field: 'credential' });
    expect(error.message).toContain('no credential was given');
  });

  // A repo whose own name holds the words of the other answers must not be taken for them.
  test.each(['acme/guarded', 'acme/awaiting-rejected-fine-grained-disabled'])(
    '%s tells apart why the account has no access',
    async (id) => {
      hub.addToken(env.token);
      const states = [
        ['gated_not_requested', {}],
        ['gated_awaiting_review', { alice: 'pending' }],
        ['gated_rejected', { alice: 'rejected' }],
      ] as const;
      for (const [code, gate] of states) {
        expect(await refusal(repo({ gated: 'manual', gate }, id), env)).toMatchObject({ kind: 'refused', code });
      }
    },
  );

  test('is refused to a token without the scope, and opened by one that has it', async () => {
    hub.addToken(env.token, { gatedScope: false });
    const id = repo({ gated: 'auto', gate: { alice: 'accepted' } });
    expect(await refusal(id, env)).toMatchObject({ code: 'token_scope' });
    hub.addToken(env.token);
    expect(await look(id, 'main', env)).toMatchObject({ gated: true, private: false });
  });
});

describe('a token', () => {
  test.each([
    ['revoked', () => hub.addToken(env.token, { revoked: true })],
    ['never made', () => undefined],
  ])('that was %s is named as the cause, by asking the Hub once who it is', async (_, prepare) => {
    prepare();
    expect(await refusal(repo({}), env)).toMatchObject({ kind: 'refused', code: 'token_refused', field: 'credential' });
    expect(hub.requestsTo('api', 'whoami-v2')).toHaveLength(1);
  });

  test('that is good is not blamed for a repo that the Hub refuses to show', async () => {
    hub.addToken(env.token);
    const id = repo({});
    hub.faults.status('api', 401, { path: /revision/ });
    expect(await refusal(id, env)).toMatchObject({ code: 'repo_not_found' });
    expect(hub.requestsTo('api', 'whoami-v2')).toHaveLength(1);
  });

  test('is not blamed while the Hub cannot say who it is of', async () => {
    hub.addToken(env.token, { revoked: true });
    hub.faults.status('api', 503, { path: /whoami/ });
    expect(await refusal(repo({}), env)).toMatchObject({ code: 'hub_error', retryable: true });
  });

  test('that is good and may not read the repo lacks a permission, and without one the Hub just refuses', async () => {
    hub.addToken(env.token);
    hub.faults.status('api', 403, { times: 2 });
    expect(await refusal(repo({}), env)).toMatchObject({ kind: 'refused', code: 'token_scope' });
    expect(await refusal(repo({}))).toMatchObject({ kind: 'refused', code: 'access_refused' });
  });

  test('of any shape is good that the Hub takes', async () => {
    const odd = { name: 'odd', token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2ln' };
    hub.addToken(odd.token);
    expect(await look(repo({}), 'main', odd)).toMatchObject({ repo: 'acme/guarded' });
  });

  test('is shown to the Hub’s own origin and to no other, wherever a page of files or a redirect leads', async () => {
    await using stranger = await startHub();
    hub.addToken(env.token);
    const id = repo({});
    await look(id, 'main', env);
    expect(hub.requestsTo('cdn')).toEqual([]);
    expect(hub.requests.every((request) => request.authorization)).toBe(true);
    const next = `<${stranger.endpoint}/api/models/acme/guarded/tree/main>; rel="next"`;
    const elsewhere = {
      kind: 'status',
      status: 200,
      headers: { Link: next, 'content-type': 'application/json' },
      body: '[]',
    } as const;
    hub.faults.add('api', elsewhere, { path: /tree/ });
    await look(id, 'main', env).catch(() => undefined);
    hub.faults.add('resolve', { kind: 'redirect', location: `${stranger.endpoint}/x` });
    await look(id, 'main', env);
    const moved = { kind: 'status', status: 307, headers: { Location: `${stranger.endpoint}/api/models/x` } } as const;
    hub.faults.add('api', moved);
    await look(id, 'main', env).catch(() => undefined);
    expect(stranger.requests.length).toBeGreaterThan(0);
    expect(stranger.requests.some((request) => request.authorization)).toBe(false);
  });
});

describe('what is not there', () => {
  test('is a repo, with a good token and without', async () => {
    hub.addToken(env.token);
    expect(await refusal('acme/nothing', env)).toMatchObject({ kind: 'not_found', code: 'repo_not_found' });
    const anonymous = await refusal('acme/nothing');
    expect(anonymous).toMatchObject({ code: 'repo_not_found', field: 'repo' });
    expect(anonymous.message).toContain('or it is private and needs a credential');
  });

  test('is a private repo, for everybody but its owner', async () => {
    hub.addToken(env.token);
    expect(await refusal(repo({ private: true, owner: 'bob' }), env)).toMatchObject({ code: 'repo_not_found' });
    expect(await look(repo({ private: true, owner: 'alice' }), 'main', env)).toMatchObject({ private: true });
  });

  test('is a revision', async () => {
    const error = await refusal(repo({}), undefined, 'v9');
    expect(error).toMatchObject({ kind: 'not_found', code: 'revision_not_found', field: 'revision' });
    expect(error.message).toContain('"v9"');
  });

  test('is a file', async () => {
    const { commit } = await look(repo({}), 'main');
    const probe = createHub(hub.endpoint).probe('acme/guarded', commit, 'none.bin', undefined);
    await expect(probe).rejects.toMatchObject({ kind: 'not_found', code: 'file_not_found' });
  });

  test('is a disabled repo', async () => {
    expect(await refusal(repo({ disabled: true }))).toMatchObject({ kind: 'refused', code: 'repo_disabled' });
  });
});

describe('a Hub in trouble', () => {
  test.each([
    [{ retryAfter: 42 }, 'in 42 seconds'],
    [{ rateLimit: 17 }, 'in 17 seconds'],
    [{ retryAfter: new Date(Date.now() + 90_000).toUTCString() }, /in (?:8\d|90) seconds/],
    [{}, 'in about 300 seconds'],
  ])('that refuses more requests (%o) says when to come again', async (told, words) => {
    const id = repo({});
    hub.faults.rateLimit('api', told);
    const error = await refusal(id);
    expect(error).toMatchObject({ kind: 'unavailable', code: 'rate_limited', retryable: true });
    expect(error.nextStep).toMatch(words);
    expect(error.nextStep).toContain('name a credential');
  });

  test.each([500, 502, 503, 504])('that answers %d is worth another try', async (status) => {
    const id = repo({});
    hub.faults.status('api', status);
    expect(await refusal(id)).toMatchObject({ kind: 'unavailable', code: 'hub_error', retryable: true });
  });

  test('that hangs is given up', async () => {
    const id = repo({});
    hub.faults.add('api', { kind: 'never-answer' });
    const error = await refusal(id, undefined, 'main', 50);
    expect(error).toMatchObject({ kind: 'unavailable', code: 'hub_unreachable' });
    expect(error.message).toContain('does not answer');
  });

  test('that is not there is unreachable, with the system’s own code', async () => {
    const gone = await startHub();
    const { endpoint } = gone;
    await gone.close();
    const thrown = createHub(endpoint).inspect('acme/guarded', 'main', undefined);
    await expect(thrown).rejects.toMatchObject({ code: 'hub_unreachable', retryable: true });
    await expect(thrown).rejects.toThrow('ECONNREFUSED');
  });

  test.each(['api', 'resolve'] as const)('or a sign-in page in its place is not taken for it (%s)', async (where) => {
    const id = repo({});
    hub.faults.add(where, { kind: 'html' });
    const error = await refusal(id);
    expect(error).toMatchObject({ kind: 'unavailable', code: 'hub_error' });
    expect(error.nextStep).toContain('HF_ENDPOINT');
  });

  test('that redirects in a circle is not followed for ever', async () => {
    const id = repo({});
    hub.faults.add('resolve', { kind: 'redirect-loop' }, { times: Infinity });
    expect(await refusal(id)).toMatchObject({ code: 'hub_error' });
    expect(hub.requestsTo('resolve').length).toBeLessThan(10);
  });
});

describe('names', () => {
  test('of branches may hold a slash', async () => {
    const added = hub.addRepo('acme/branched', { files });
    added.branch('feature/x');
    const first = added.head.sha;
    added.push({ 'new.json': '{}' });
    expect(await look('acme/branched', 'feature/x')).toMatchObject({ commit: first });
  });

  test.each(['a/../../x', '../x', 'a/b/c', 'https://huggingface.co/a/b', 'a b', '', 'a/b?x', 'a/b#x', 'a--b'])(
    'like "%s" are no repos, and never leave this machine',
    async (id) => {
      expect(await refusal(id)).toMatchObject({ kind: 'input', code: 'bad_repo', field: 'repo' });
      expect(hub.requests).toEqual([]);
    },
  );

  test.each(['../main', 'a//b', '-x', 'a b', 'main?x=1', 'main#x', '%2e%2e'])(
    'like "%s" are no revisions, and never leave this machine',
    async (revision) => {
      expect(await refusal('acme/guarded', undefined, revision)).toMatchObject({ code: 'bad_revision' });
      expect(hub.requests).toEqual([]);
    },
  );
});

test('a small text file is read whole, and one that is larger than asked for is not', async () => {
  const { commit } = await look(repo({}), 'main');
  const client = createHub(hub.endpoint);
  expect(await client.readText('acme/guarded', commit, 'config.json', 100, undefined)).toBe(files['config.json']);
  expect(await client.readText('acme/guarded', commit, 'config.json', 5, undefined)).toBeUndefined();
});

test('a tree of many pages is listed to its end', async () => {
  await using paged = await startHub({ treePage: 3 });
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`part-${index}.json`, '{}']));
  paged.addRepo('acme/many', { files: many });
  const { files: found } = await createHub(paged.endpoint).inspect('acme/many', 'main', undefined);
  expect(found).toHaveLength(10);
});
