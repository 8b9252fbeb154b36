import { describe, expect, it } from 'vitest';
import type { Volume } from '../../../src/core/volumes/table.ts';
import { planEviction } from '../../../src/core/volumes/plan-eviction.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const gib = 1024 ** 3;

function volume(key: string, daysUnused: number, given: Partial<Volume> = {}): Volume {
  return {
    key,
    region: 'local',
    repo: 'acme/model',
    commit: 'a'.repeat(40),
    selection: 's',
    bytes: 10 * gib,
    state: 'ready',
    attempt: 1,
    failures: 0,
    reached: 0,
    retryAt: undefined,
    prefetch: false,
    pinned: false,
    refused: [],
    lastUsedAt: new Date(now - daysUnused * 24 * 3600_000).toISOString(),
    ...given,
  };
}

function keys(volumes: Volume[], policy: { keepDays?: number; maximumBytes?: number }, inUse: string[] = []): string[] {
  const { keepDays, maximumBytes } = policy;
  return planEviction(volumes, new Set(inUse), { keepDays, maximumBytes }, now).map(({ volume: { key } }) => key);
}

describe('the eviction policy', () => {
  it('evicts nothing where none is configured', () => {
    expect(keys([volume('old', 400)], {})).toEqual([]);
  });

  it('evicts what was not used for longer than it keeps', () => {
    expect(keys([volume('old', 31), volume('young', 29)], { keepDays: 30 })).toEqual(['old']);
  });

  it('evicts the least recently used first, and no more than brings the region under its limit', () => {
    const volumes = [volume('newest', 1), volume('oldest', 9), volume('middle', 5)];
    expect(keys(volumes, { maximumBytes: 25 * gib })).toEqual(['oldest']);
    expect(keys(volumes, { maximumBytes: 15 * gib })).toEqual(['oldest', 'middle']);
  });

  it.each([
    ['in use', volume('kept', 400), ['kept']],
    ['pinned', volume('kept', 400, { pinned: true }), []],
    ['about to be used', volume('kept', 400, { prefetch: true }), []],
    ['being downloaded', volume('kept', 400, { state: 'downloading' }), []],
  ])('leaves what is %s', (_why, kept, inUse) => {
    expect(keys([kept], { keepDays: 30, maximumBytes: gib }, inUse)).toEqual([]);
  });

  it('evicts what an abandoned download left, whose unknown size counts for nothing', () => {
    const left = [volume('partial', 31, { state: 'partial' }), volume('failed', 29, { state: 'failed' })];
    expect(keys(left, { keepDays: 30 })).toEqual(['partial']);
    expect(keys([...left, volume('whole', 1)], { maximumBytes: 15 * gib })).toEqual([]);
    expect(keys([volume('waited-for', 400, { state: 'failed' })], { keepDays: 30 }, ['waited-for'])).toEqual([]);
  });

  it('counts what is in use towards the limit', () => {
    expect(keys([volume('used', 1), volume('idle', 1)], { maximumBytes: 15 * gib }, ['used'])).toEqual(['idle']);
  });

  it('says why', () => {
    const [first] = planEviction([volume('old', 40)], new Set(), { keepDays: 30, maximumBytes: undefined }, now);
    expect(first?.why).toBe('it was not used for 40 days; the policy keeps 30');
  });

  describe('of volumes that share files', () => {
    const storage = new Map(
      ['old', 'new'].map((key) => [
        key,
        [
          { id: 'weights', bytes: 9 * gib },
          { id: key, bytes: gib },
        ],
      ]),
    );
    const volumes = [volume('old', 9), volume('new', 1)];
    const evicted = (limit: number) =>
      planEviction(volumes, new Set(), { keepDays: undefined, maximumBytes: limit * gib }, now, storage).map(
        (eviction) => eviction.volume.key,
      );

    it('counts the shared bytes once', () => {
      expect(evicted(11)).toEqual([]);
      expect(evicted(10)).toEqual(['old']);
      expect(evicted(9)).toEqual(['old', 'new']);
    });

    it('spares a volume that frees nothing, because another one keeps all its bytes', () => {
      const twin = new Map(['old', 'new'].map((key) => [key, [{ id: 'weights', bytes: 9 * gib }]]));
      const limit = { keepDays: undefined, maximumBytes: gib };
      expect(planEviction(volumes, new Set(['new']), limit, now, twin)).toEqual([]);
    });
  });
});
