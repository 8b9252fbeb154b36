import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PullTuning } from '../../../src/core/config/pull-environment.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { startHub, type Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';
import { isSame, KiB, manifestOf, MiB, pull, quick, temporaryFolder } from './pulling.ts';

/** For tests with a silent Hub. */
const soon = { stallMs: 400 };
const weights = { size: 2 * MiB, seed: 'faults' };
let hub: Hub;
let repo: HubRepo;
beforeAll(async () => {
  hub = await startHub();
  repo = hub.addRepo('acme/faulty', { files: { 'config.json': '{}', 'model.safetensors': weights } });
});
beforeEach(() => hub.resetCounters());
afterEach(() => hub.faults.clear());
afterAll(() => hub.close());

const healed = { last: { type: 'done' }, isRight: true };

/** Without a proxy, ranges come over raw connections. With a proxy, Node's own client is used. Both are tested. */
let proxy: Record<string, string> = {};

/** Pulls into a new folder. Returns the last event, and whether the files are right. */
async function attempt(tuning: Partial<PullTuning> = {}) {
  await using folder = await temporaryFolder();
  const { last } = await pull(manifestOf(hub, repo), folder.path, { tuning, proxy });
  const isRight =
    last.type === 'done' &&
    (await isSame(folder.path, 'config.json', Buffer.from('{}'))) &&
    (await isSame(folder.path, 'model.safetensors', bytesOf(weights)));
  return { last, isRight };
}

describe.each([
  ['over raw connections', {}],
  ['over Node’s client', { NO_PROXY: '*' }],
])('a pull succeeds in spite of a passing fault, %s', (_, environment) => {
  beforeAll(() => {
    proxy = environment;
  });
  afterAll(() => {
    proxy = {};
  });

  test.each([500, 502, 503, 504])('status %i of the resolver and of the second origin', async (status) => {
    // One range may get all of these errors, and it fails after four.
    hub.faults.status('resolve', status, { times: 1 });
    hub.faults.status('cdn', status, { times: 2 });
    expect(await attempt()).toMatchObject(healed);
  });

  test('a connection that is reset in the middle of a body, without a second download of its first bytes', async () => {
    hub.faults.add('cdn', { kind: 'reset', afterBytes: 200 * KiB }, { times: 4 });
    expect(await attempt({ rangeBytes: MiB })).toMatchObject(healed);
    const ranges = hub.requestsTo('cdn').map((request) => request.range);
    expect(new Set(ranges).size).toBe(ranges.length);
  });

  test('a body that stalls', async () => {
    hub.faults.add('cdn', { kind: 'stall', afterBytes: 100 }, { times: 2 });
    expect(await attempt(soon)).toMatchObject(healed);
  });

  test('a body that stalls in a file that the Hub itself sends', async () => {
    hub.faults.add('resolve', { kind: 'stall', afterBytes: 1 }, { path: 'config.json' });
    expect(await attempt(soon)).toMatchObject(healed);
  });

  test('a server that never states the length of a body', async () => {
    hub.faults.add('cdn', { kind: 'short', afterBytes: Infinity, declared: 'none' }, { times: Infinity });
    expect(await attempt()).toMatchObject(healed);
  });

  test('a server that accepts the request and never answers', async () => {
    hub.faults.add('resolve', { kind: 'never-answer' });
    hub.faults.add('cdn', { kind: 'never-answer' });
    expect(await attempt(soon)).toMatchObject(healed);
  });

  test.each(['full', 'none', 'short'] as const)('a body that is too short (length declared: %s)', async (declared) => {
    hub.faults.add('cdn', { kind: 'short', afterBytes: 1000, declared }, { times: 3 });
    expect(await attempt()).toMatchObject(healed);
  });

  test('a signed URL that expired, with one more resolve for all connections', async () => {
    hub.faults.throttle = 2 * MiB;
    const running = attempt({ rangeBytes: 64 * KiB });
    await expect.poll(() => hub.bytesSent(), { interval: 5, timeout: 20_000 }).toBeGreaterThan(512 * KiB);
    hub.expireSignedUrls();
    expect(await running).toMatchObject(healed);
    expect(hub.requestsTo('resolve', 'model.safetensors').length).toBe(2);
  });

  test('a status 200 instead of 206: the file is downloaded in one stream', async () => {
    hub.faults.add('cdn', { kind: 'ignore-range' }, { times: Infinity });
    expect(await attempt()).toMatchObject(healed);
    expect(hub.requestsTo('cdn').at(-1)?.range).toBeUndefined();
  });

  test('a stream without ranges that breaks starts over', async () => {
    hub.faults.add('cdn', { kind: 'ignore-range' }, { times: 4 });
    hub.faults.add('cdn', { kind: 'reset', afterBytes: MiB });
    expect(await attempt()).toMatchObject(healed);
  });

  test('a web page instead of the file', async () => {
    hub.faults.add('cdn', { kind: 'html' }, { times: 3 });
    hub.faults.add('resolve', { kind: 'html', chunked: true }, { path: 'config.json' });
    expect(await attempt()).toMatchObject(healed);
  });

  test('a circle of redirects', async () => {
    hub.faults.add('resolve', { kind: 'redirect-loop' }, { times: 7 });
    hub.faults.add('cdn', { kind: 'redirect-loop' }, { times: 7 });
    expect(await attempt()).toMatchObject(healed);
  });

  test('another range than requested', async () => {
    hub.faults.add('cdn', { kind: 'content-range', shift: 1 }, { times: 3 });
    expect(await attempt()).toMatchObject(healed);
    // The head shows it, before the body is downloaded and hashed.
    expect(hub.requestsTo('cdn').length).toBe(8 + 3);
  });

  test('a flipped byte in a large file and in a small one', async () => {
    hub.faults.add('cdn', { kind: 'flip', at: 77 });
    hub.faults.add('resolve', { kind: 'flip', at: 1 }, { path: 'config.json' });
    expect(await attempt()).toMatchObject(healed);
  });

  test('a 429 without a time to wait', async () => {
    hub.faults.rateLimit('resolve', {}, { times: 2 });
    hub.faults.rateLimit('cdn', {}, { times: 2 });
    expect(await attempt()).toMatchObject(healed);
  });
});

describe('all connections wait if the Hub asks for a pause', () => {
  test.each([
    ['RateLimit', { rateLimit: 1 }],
    ['Retry-After in seconds', { retryAfter: 1 }],
    ['Retry-After as a date', { retryAfter: new Date(Date.now() + 600_000).toUTCString() }],
  ])('%s', async (name, told) => {
    const isDate = name.endsWith('date');
    hub.faults.rateLimit('resolve', told);
    const { last, isRight } = await attempt();
    // Ten minutes are longer than the limit, so the pull fails.
    if (isDate) expect(last).toMatchObject({ code: 'rate_limited', retryable: true });
    else expect(isRight).toBe(true);
    const [first, next] = hub.requestsTo('resolve', 'model.safetensors');
    if (!isDate) expect((next?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(900);
  });

  test('and no request is refused if the rate limit is used up', async () => {
    await using limited = await startHub({ resolverLimit: { quota: 30, windowSeconds: 1 } });
    const files = Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`${n}.json`, `${n}`]));
    const many = limited.addRepo('acme/many', { files });
    await using folder = await temporaryFolder();
    // With several connections, requests in flight would be refused when the limit is reached.
    const { status } = await pull(manifestOf(limited, many), folder.path, { tuning: { connections: 1 } });
    expect(status).toBe(0);
    expect(limited.requests.length).toBe(70);
  });
});

test('requests that fail at the same time are repeated at different times', async () => {
  const refused = 8;
  hub.faults.status('cdn', 503, { times: refused });
  const { isRight } = await attempt({ connections: refused, backoffMs: { first: 1000, longest: 1000 } });
  expect(isRight).toBe(true);
  const again = hub.requestsTo('cdn').slice(refused, 2 * refused);
  const moments = again.map(({ at }) => at);
  expect(Math.max(...moments) - Math.min(...moments)).toBeGreaterThan(100);
});

describe('a lasting fault ends with its own code, after a limited number of requests', () => {
  const requestsAtMost = quick.tries * quick.connections + 8;

  test.each([
    ['hub_unreachable', () => hub.faults.status('cdn', 503, { times: Infinity })],
    ['hub_unreachable', () => hub.faults.status('resolve', 500, { times: Infinity })],
    ['hub_unreachable', () => hub.faults.add('cdn', { kind: 'reset', afterBytes: 0 }, { times: Infinity })],
    [
      'hub_unreachable',
      () => hub.faults.add('cdn', { kind: 'short', afterBytes: 0, declared: 'none' }, { times: Infinity }),
    ],
    ['stalled', () => hub.faults.add('cdn', { kind: 'stall', afterBytes: 0 }, { times: Infinity })],
    ['stalled', () => hub.faults.add('resolve', { kind: 'never-answer' }, { times: Infinity })],
    ['hub_protocol', () => hub.faults.add('cdn', { kind: 'html' }, { times: Infinity })],
    ['hub_protocol', () => hub.faults.add('cdn', { kind: 'html', chunked: true }, { times: Infinity })],
    [
      'hub_protocol',
      () => hub.faults.add('cdn', { kind: 'short', afterBytes: 100, declared: 'short' }, { times: Infinity }),
    ],
    ['hub_protocol', () => hub.faults.add('cdn', { kind: 'content-range', shift: 512 }, { times: Infinity })],
    ['hub_protocol', () => hub.faults.status('cdn', 403, { times: Infinity })],
    ['rate_limited', () => hub.faults.rateLimit('cdn', {}, { times: Infinity })],
    ['rate_limited', () => hub.faults.rateLimit('resolve', { retryAfter: 3600 }, { times: Infinity })],
  ])('%s (case %#)', async (code, begin) => {
    begin();
    const { last } = await attempt(code === 'stalled' ? soon : {});
    expect(last).toMatchObject({ type: 'failed', code, retryable: true });
    expect(hub.requests.length).toBeLessThanOrEqual(requestsAtMost);
  });

  test('hub_protocol for redirects that never end', async () => {
    hub.faults.add('resolve', { kind: 'redirect-loop' }, { times: Infinity });
    expect((await attempt()).last).toMatchObject({ code: 'hub_protocol' });
    expect(hub.requests.length).toBeLessThanOrEqual(2 * 5 * quick.tries);
  });

  test('checksum_mismatch after three downloads of wrong bytes', async () => {
    hub.faults.add('cdn', { kind: 'flip', at: 5 }, { times: Infinity });
    const { last } = await attempt({ rangeBytes: 4 * MiB });
    expect(last).toMatchObject({ type: 'failed', code: 'checksum_mismatch', retryable: false });
    expect(hub.requestsTo('cdn').length).toBe(3);
  });

  test('a Hub that is not there', async () => {
    await using folder = await temporaryFolder();
    const manifest = { ...manifestOf(hub, repo), endpoint: 'http://127.0.0.1:9' };
    expect((await pull(manifest, folder.path)).last).toMatchObject({ code: 'hub_unreachable' });
  });
});
