import { expect, test } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatRate,
  plainText,
  progressBar,
} from '../../../src/core/base/format.ts';

test('bytes are decimal, short, and never "1000" of a unit', () => {
  const cases = {
    0: '0 B',
    999: '999 B',
    1000: '1 kB',
    999_499: '999 kB',
    999_500: '1 MB',
    1.23e9: '1.2 GB',
    14.9e9: '15 GB',
  };
  for (const [bytes, text] of Object.entries(cases)) expect(formatBytes(Number(bytes))).toBe(text);
  expect(formatRate(95e6)).toBe('95 MB/s');
  expect(formatBytes(Number.NaN)).toBe('?');
});

test('durations have their two largest units, rounded without a 60 in them', () => {
  const cases = {
    0: '0 s',
    59.6: '1 min',
    65: '1 min 5 s',
    3599.7: '1 h',
    12_000: '3 h 20 min',
    86_399: '1 d',
    190_000: '2 d 5 h',
  };
  for (const [seconds, text] of Object.entries(cases)) expect(formatDuration(Number(seconds))).toBe(text);
});

test('ages have one unit, and a clock that is ahead gives zero', () => {
  const now = Date.parse('2026-11-02T12:00:00Z');
  expect(formatAge('2026-11-02T11:55:00Z', now)).toBe('5m');
  expect(formatAge('2026-10-31T13:00:00Z', now)).toBe('47h');
  expect(formatAge('2026-10-21T12:00:00Z', new Date(now))).toBe('12d');
  expect(formatAge('2026-11-02T12:01:00Z', now)).toBe('0s');
});

test('a progress bar leaves out what is not known', () => {
  expect(progressBar({ done: 210e6, total: 400e6, rate: 95e6, seconds_left: 2 }, 10)).toBe(
    '[#####-----] 52 %  210 MB of 400 MB  95 MB/s  2 s left',
  );
  expect(progressBar({ done: 0, total: 0, rate: 0, seconds_left: null }, 4)).toBe('[----] ? %  0 B');
  expect(progressBar({ done: 400, total: 400, rate: 5, seconds_left: 0 }, 4)).toBe('[####] 100 %  400 B of 400 B');
});

test('plain text keeps words and loses what a terminal obeys', () => {
  expect(plainText('a\u001B[31mred\u001B[0m\u001B]0;title\u0007b\nc\td')).toBe('aredb c d');
  expect(plainText('\u009B2Jx\u202Ey\u0000\u007F')).toBe('xy');
  expect(plainText('naïve 漢字 👩‍💻')).toBe('naïve 漢字 👩‍💻');
});
