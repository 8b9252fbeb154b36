import { expect, test } from 'vitest';
import { pullEnvironment } from '../../../src/core/config/pull-environment.ts';

test('an unset and an empty variable have the default', () => {
  const defaults = pullEnvironment({}).tuning;
  expect(defaults).toMatchObject({
    connections: 16,
    rangeBytes: 16_777_216,
    backoffMs: { first: 500, longest: 30_000 },
  });
  expect(pullEnvironment({ ECOLINK_PULL_TRIES: '' }).tuning).toEqual(defaults);
});

test('a range is given in KiB, and times in milliseconds', () => {
  const environment = { ECOLINK_PULL_RANGE_KIB: '64', ECOLINK_PULL_STALL_MS: '5', ECOLINK_PULL_BACKOFF_MS: '7' };
  expect(pullEnvironment(environment).tuning).toMatchObject({
    rangeBytes: 65_536,
    stallMs: 5,
    backoffMs: { first: 7 },
  });
});

test.each(['0', '-1', '1.5', '1e3', ' 8', '12345678901', 'many'])(
  '%j is refused by the name of its variable',
  (value) => {
    expect(() => pullEnvironment({ ECOLINK_PULL_TRIES: value })).toThrow(
      'ECOLINK_PULL_TRIES must be a whole number above 0.',
    );
  },
);

test('proxies are passed on, and an empty one is not', () => {
  expect(pullEnvironment({ http_proxy: 'http://p:1', HTTPS_PROXY: '', OTHER: 'x' }).proxy).toEqual({
    http_proxy: 'http://p:1',
  });
});
