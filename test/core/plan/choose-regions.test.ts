import { describe, expect, test } from 'vitest';
import { rankRegions } from '../../../src/core/plan/choose-regions.ts';
import type { RegionStanding } from '../../../src/core/plan/choose-regions.ts';

function standing(region: string, more: Partial<RegionStanding> = {}): RegionStanding {
  return {
    region,
    reachable: true,
    acceleratorsFree: true,
    spaceFree: true,
    bytesToFetch: 140e9,
    costPerHour: 2,
    ...more,
  };
}

describe('the best region', () => {
  const better: [string, Partial<RegionStanding>, Partial<RegionStanding>][] = [
    ['has the weights', { bytesToFetch: 0, costPerHour: 3 }, {}],
    ['has most of a download behind it', { bytesToFetch: 1e9 }, {}],
    ['has free accelerators, though another has the weights', {}, { acceleratorsFree: false, bytesToFetch: 0 }],
    ['may have free accelerators', { acceleratorsFree: undefined }, { acceleratorsFree: false }],
    ['surely has free accelerators', {}, { acceleratorsFree: undefined }],
    ['has space for the weights', {}, { spaceFree: false }],
    ['answers', { acceleratorsFree: false, bytesToFetch: 140e9 }, { reachable: false, bytesToFetch: 0 }],
    ['is cheaper', { costPerHour: 1 }, {}],
    ['has a known price', {}, { costPerHour: null }],
  ];
  test.each(better)('%s', (_what, best, other) => {
    expect(rankRegions([standing('other', other), standing('best', best)])).toEqual(['best', 'other']);
    expect(rankRegions([standing('best', best), standing('other', other)])).toEqual(['best', 'other']);
  });

  test('is the first in the configuration if nothing else decides', () => {
    const names = ['c', 'a', 'b'];
    expect(rankRegions(names.map((name) => standing(name)))).toEqual(names);
    expect(rankRegions(names.map((name) => standing(name, { costPerHour: null })))).toEqual(names);
  });
});
