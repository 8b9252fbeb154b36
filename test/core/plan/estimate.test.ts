import { describe, expect, test } from 'vitest';
import { estimateTime } from '../../../src/core/plan/estimate.ts';
import type { PastDuration } from '../../../src/core/plan/estimate.ts';

const GB = 1e9;
const launch = { runtime: 'vllm', bytes: 10 * GB, toFetch: 10 * GB };

function seconds(bytes: number, ...each: number[]): PastDuration[] {
  return each.map((s) => ({ bytes, ms: s * 1000 }));
}

function past(downloads: PastDuration[], starts: PastDuration[] = []) {
  return { downloads, starts: new Map([['vllm', starts]]) };
}

describe('the time to ready', () => {
  test('comes from constants until there is a history, and says so', () => {
    const constants = { seconds: 223, secondsP90: 223, basis: 'assumed' };
    expect(estimateTime(launch, past([]))).toEqual(constants);
    expect(estimateTime(launch, past(seconds(GB, 1, 1), seconds(10 * GB, 1, 1)))).toEqual(constants);
  });

  test('has the median and the 90th percentile of both parts', () => {
    const downloads = seconds(10 * GB, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100);
    const starts = seconds(10 * GB, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    expect(estimateTime(launch, past(downloads, starts))).toEqual({ seconds: 55, secondsP90: 99, basis: 'history' });
  });

  test('scales downloads by what is still to fetch', () => {
    const downloads = seconds(GB, 4, 4, 4);
    const starts = seconds(10 * GB, 30, 30, 30);
    expect(estimateTime(launch, past(downloads, starts)).seconds).toBe(70);
    expect(estimateTime({ ...launch, toFetch: GB }, past(downloads, starts)).seconds).toBe(34);
    expect(estimateTime({ ...launch, toFetch: 0 }, past([], starts))).toMatchObject({ seconds: 30, basis: 'history' });
  });

  test('takes no start of another runtime or of quite another size', () => {
    const starts = seconds(10 * GB, 30, 30, 30);
    const none = { ...launch, toFetch: 0 };
    expect(estimateTime({ ...none, runtime: 'sglang' }, past([], starts)).basis).toBe('assumed');
    expect(estimateTime({ ...none, bytes: 41 * GB }, past([], starts)).basis).toBe('assumed');
    expect(estimateTime({ ...none, bytes: 39 * GB }, past([], starts)).basis).toBe('history');
  });

  test('prefers what is nearest in size', () => {
    const small = Array.from({ length: 20 }, () => seconds(GB / 1000, 10)).flat();
    const large = Array.from({ length: 20 }, () => seconds(9 * GB, 18)).flat();
    const starts = seconds(10 * GB, 0, 0, 0);
    expect(estimateTime(launch, past([...small, ...large], starts)).seconds).toBe(20);
  });

  test('survives downloads of no bytes', () => {
    expect(estimateTime(launch, past(seconds(0, 1, 1, 1))).basis).toBe('assumed');
  });
});
