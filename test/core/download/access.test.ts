import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { RepoOptions } from '../../support/hub/repo.ts';
import { manifestOf, MiB, pull, startPull, temporaryFolder, tuningEnv } from './pulling.ts';

const token = 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz';
const files = { 'README.md': 'hello', 'model.safetensors': { size: 100_000, seed: 'gate' } };
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

async function refused(options: Partial<RepoOptions>, withToken: boolean, change = () => {}) {
  await using folder = await temporaryFolder();
  const manifest = manifestOf(hub, hub.addRepo('acme/guarded', { files, ...options }));
  change();
  const { last } = await pull(manifest, folder.path, withToken ? { token } : {});
  return last;
}

describe('every refusal has its own code', () => {
  test('a gated repo without a token', async () => {
    const message = expect.stringContaining('Please log in');
    expect(await refused({ gated: 'manual' }, false)).toMatchObject({ code: 'gated_repo', message, retryable: false });
  });

  test.each([
    ['not requested', {}, 'gated_not_requested', 'not in the authorized list'],
    ['awaiting review', { alice: 'pending' as const }, 'gated_awaiting_review', 'awaiting a review'],
    ['rejected', { alice: 'rejected' as const }, 'gated_rejected', 'has been rejected'],
  ])('a gated repo whose access is %s', async (_, gate, code, words) => {
    hub.addToken(token);
    const message = expect.stringContaining(words);
    expect(await refused({ gated: 'manual', gate }, true)).toMatchObject({ code, message, retryable: false });
  });

  test('a token without the permission for gated repos', async () => {
    hub.addToken(token, { gatedScope: false });
    const message = expect.stringContaining('fine-grained token settings');
    expect(await refused({ gated: 'auto', gate: { alice: 'accepted' } }, true)).toMatchObject({
      code: 'token_scope',
      message,
    });
  });

  test('a token that is good and may not read the repo, and none at all', async () => {
    hub.addToken(token);
    hub.faults.status('resolve', 403, { times: Infinity });
    expect(await refused({}, true)).toMatchObject({ code: 'token_scope' });
    expect(await refused({}, false)).toMatchObject({ code: 'access_refused' });
  });

  test('a revoked token, which one request to the Hub reveals', async () => {
    hub.addToken(token, { revoked: true });
    expect(await refused({}, true)).toMatchObject({ code: 'token_refused' });
    expect(hub.requestsTo('api', 'whoami-v2').length).toBe(1);
  });

  test('a token that the Hub cannot check now: the check is repeated', async () => {
    hub.addToken(token, { revoked: true });
    hub.faults.status('api', 503, { path: /whoami/ });
    expect(await refused({}, true)).toMatchObject({ code: 'token_refused' });
    expect(hub.requestsTo('api', 'whoami-v2').length).toBe(2);
    hub.addToken(token);
    hub.faults.status('resolve', 401, { times: Infinity });
    hub.faults.status('api', 503, { path: /whoami/, times: Infinity });
    expect(await refused({}, true)).toMatchObject({ code: 'hub_unreachable', retryable: true });
  });

  test('a private repo of somebody else, and one that does not exist, with a good token and without', async () => {
    hub.addToken(token);
    expect(await refused({ private: true, owner: 'bob' }, true)).toMatchObject({ code: 'repo_not_found' });
    expect(await refused({ private: true, owner: 'bob' }, false)).toMatchObject({ code: 'repo_not_found' });
    expect(await refused({}, true, () => hub.removeRepo('acme/guarded'))).toMatchObject({ code: 'repo_not_found' });
  });

  test('a disabled repo', async () => {
    expect(await refused({ disabled: true }, false)).toMatchObject({ code: 'repo_disabled' });
  });

  test('a commit and a file that are gone', async () => {
    const recreate = () => void hub.addRepo('acme/guarded', { files: { 'other.json': '{}' } });
    expect(await refused({}, false, recreate)).toMatchObject({ code: 'revision_not_found' });
    hub.faults.add('resolve', { kind: 'status', status: 404, headers: { 'X-Error-Code': 'EntryNotFound' } });
    expect(await refused({}, false)).toMatchObject({ code: 'file_not_found' });
  });
});

describe('the token', () => {
  test('opens a gated repo, and goes to the Hub’s own origin only', async () => {
    await using folder = await temporaryFolder();
    hub.addToken(token);
    const repo = hub.addRepo('acme/gated', { files, gated: 'manual', gate: { alice: 'accepted' } });
    expect((await pull(manifestOf(hub, repo), folder.path, { token })).status).toBe(0);
    expect(hub.requestsTo('resolve').every((request) => request.authorization)).toBe(true);
    expect(hub.requestsTo('cdn').length).toBeGreaterThan(0);
    expect(hub.requestsTo('cdn').some((request) => request.authorization)).toBe(false);
  });

  test('is not sent after a redirect to another origin', async () => {
    await using folder = await temporaryFolder();
    await using stranger = await startHub();
    hub.addToken(token);
    const repo = hub.addRepo('acme/moved', { files });
    hub.faults.add(
      'resolve',
      { kind: 'redirect', location: `${stranger.endpoint}/acme/moved/resolve/main/x` },
      { times: 2 },
    );
    await pull(manifestOf(hub, repo), folder.path, { token });
    expect(stranger.requests.length).toBeGreaterThan(0);
    expect(stranger.requests.some((request) => request.authorization)).toBe(false);
  });

  test('and signed URLs appear in no line, no argument and no environment of the process', async () => {
    await using folder = await temporaryFolder();
    hub.addToken(token);
    const repo = hub.addRepo('acme/secret', { files: { 'model.safetensors': { size: 2 * MiB, seed: 's' } } });
    hub.faults.throttle = MiB;
    hub.faults.status('cdn', 403, { times: Infinity, skip: 3 });
    using running = await startPull(folder.path, manifestOf(hub, repo), { token, env: tuningEnv({}) });
    await expect.poll(() => hub.bytesSent(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(0);
    const seen = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${running.child.pid}/${name}`, 'utf8')),
    );
    expect(await running.ended).toMatchObject({ status: 14 });
    for (const text of [...seen, running.output()]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain('Signature');
    }
  });
});
