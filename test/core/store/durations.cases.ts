import { describe, expect, test } from 'vitest';
import { keepDuration, pastDurations } from '../../../src/core/instances/durations.ts';
import { stores } from '../../support/stores.ts';

const download = { what: 'download', region: 'eu', runtime: '' } as const;
const start = { what: 'start', region: 'eu', runtime: 'vllm' } as const;
const second = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();

describe.each(stores())('durations in $name', (kind) => {
  test('are kept for each region and runtime, the newest hundred of each', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    for (let n = 0; n < 110; n += 1) await keepDuration(db, download, { bytes: 5_000_000_000, ms: n }, second(n));
    await keepDuration(db, start, { bytes: 1, ms: 7 }, second(0));
    await keepDuration(db, { ...download, region: 'us' }, { bytes: 1, ms: 8 }, second(0));
    const { downloads, starts } = await pastDurations(db, 'eu');
    expect(downloads.map(({ ms }) => ms).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 10),
    );
    expect(downloads[0]?.bytes).toBe(5_000_000_000);
    expect(starts).toEqual(new Map([['vllm', [expect.objectContaining({ bytes: 1, ms: 7 })]]]));
  });

  test('are not kept if the clock went back', async () => {
    await using open = await kind.open();
    await keepDuration(open.store.db, download, { bytes: 1, ms: -1 }, second(0));
    expect((await pastDurations(open.store.db, 'eu')).downloads).toEqual([]);
  });
});
