import { describe, expect, test } from 'vitest';
import {
  backOffMs,
  planReplica,
  startTimeoutMs,
  unresponsiveMs,
} from '../../../../src/core/regions/local/plan-replica.ts';
import type { ReplicaView } from '../../../../src/core/regions/local/plan-replica.ts';

const now = 10_000_000;

function view(more: Partial<ReplicaView> = {}): ReplicaView {
  return {
    wanted: 'a',
    startedFrom: 'a',
    presence: 'running',
    healthy: true,
    wasReady: true,
    startedAt: now - 5000,
    unhealthySince: undefined,
    notBefore: undefined,
    gaveUp: false,
    othersReady: true,
    ...more,
  };
}

const end = { do: 'end', failed: false };

describe('a replica that runs', () => {
  test('is watched while it is healthy', () => {
    expect(planReplica(view(), now)).toEqual({ do: 'watch' });
  });

  test('is ended when it is not wanted', () => {
    expect(planReplica(view({ wanted: undefined }), now)).toEqual(end);
  });

  test('is replaced by one of another spec when the others are ready, or if it does not serve anyway', () => {
    const other = view({ wanted: 'b' });
    expect(planReplica(other, now)).toEqual(end);
    expect(planReplica({ ...other, othersReady: false }, now)).toEqual({ do: 'watch' });
    expect(planReplica({ ...other, othersReady: false, healthy: false }, now)).toEqual(end);
  });

  test('has 15 minutes to become healthy', () => {
    const starting = view({ healthy: false, wasReady: false });
    expect(planReplica({ ...starting, startedAt: now - startTimeoutMs }, now)).toEqual({ do: 'watch' });
    expect(planReplica({ ...starting, startedAt: now - startTimeoutMs - 1 }, now)).toEqual({
      do: 'end',
      failed: 'start_timeout',
    });
  });

  test('has a minute to answer again, no matter when it was started', () => {
    const silent = view({ healthy: false, startedAt: 0 });
    expect(planReplica({ ...silent, unhealthySince: now - unresponsiveMs }, now)).toEqual({ do: 'watch' });
    expect(planReplica({ ...silent, unhealthySince: now - unresponsiveMs - 1 }, now)).toEqual({
      do: 'end',
      failed: 'unresponsive',
    });
  });
});

describe('a replica that is gone', () => {
  test('is started if it is wanted and its pause is over', () => {
    const gone = view({ presence: 'none', startedFrom: undefined, healthy: false });
    expect(planReplica(gone, now)).toEqual({ do: 'start' });
    expect(planReplica({ ...gone, notBefore: now + 1 }, now)).toEqual({ do: 'watch' });
    expect(planReplica({ ...gone, notBefore: now }, now)).toEqual({ do: 'start' });
    expect(planReplica({ ...gone, gaveUp: true }, now)).toEqual({ do: 'watch' });
    expect(planReplica({ ...gone, gaveUp: true, wanted: undefined }, now)).toEqual({ do: 'forget' });
    expect(planReplica({ ...gone, wanted: undefined }, now)).toEqual({ do: 'forget' });
  });

  test('and left its record has ended by itself, which counts as a failure if it was wanted', () => {
    const exited = view({ presence: 'none', healthy: false });
    expect(planReplica(exited, now)).toEqual({ do: 'end', failed: 'exited' });
    expect(planReplica({ ...exited, wanted: undefined }, now)).toEqual(end);
  });

  test('and left members of its group gets them ended first', () => {
    const leaderless = view({ presence: 'leaderless', healthy: false });
    expect(planReplica(leaderless, now)).toEqual({ do: 'end', failed: 'exited' });
    expect(planReplica({ ...leaderless, wanted: undefined }, now)).toEqual(end);
  });
});

test('the pause doubles from one second to five minutes', () => {
  expect([0, 1, 2, 3, 4, 9, 10, 100].map(backOffMs)).toEqual([0, 1000, 2000, 4000, 8000, 256_000, 300_000, 300_000]);
});
