import { describe, expect, test } from 'vitest';
import { driftBetween } from '../../../src/core/operation/preview.ts';
import type { Preview } from '../../../src/core/operation/preview.ts';
import { approvalStates, isOver, mayBecome } from '../../../src/core/approvals/states.ts';
import { tally } from '../../../src/core/approvals/tally.ts';
import type { Vote } from '../../../src/core/approvals/table.ts';

test('a request goes the ways that the table names, and no other', () => {
  const ways = approvalStates.flatMap((from) =>
    approvalStates.filter((to) => mayBecome(from, to)).map((to) => `${from} → ${to}`),
  );
  expect(ways).toEqual([
    'pending → approved',
    'pending → denied',
    'pending → cancelled',
    'pending → expired',
    'pending → stale',
    'approved → pending',
    'approved → running',
    'approved → denied',
    'approved → cancelled',
    'approved → expired',
    'approved → stale',
    'running → approved',
    'running → done',
    'running → failed',
  ]);
  expect(approvalStates.filter(isOver)).toEqual(['done', 'failed', 'denied', 'cancelled', 'expired', 'stale']);
});

describe('votes', () => {
  const vote = (person: string, kind: Vote['vote'] = 'approve'): Vote => ({
    person,
    name: person,
    identity: `slack:T1/${person}`,
    vote: kind,
    at: '2026-11-23T12:00:00Z',
  });

  test.each([
    ['one of one', [vote('a')], ['a', 'b'], 1, 1, 0, 0],
    ['one of two', [vote('a')], ['a', 'b'], 2, 1, 0, 1],
    ['one person twice, by two identities', [vote('a'), { ...vote('a'), identity: 'local' }], ['a', 'b'], 2, 1, 0, 1],
    ['somebody who may not decide any more', [vote('a'), vote('c')], ['a', 'b'], 2, 1, 1, 1],
    ['a denial', [vote('a', 'deny')], ['a'], 1, 0, 0, 1],
    ['a broken glass', [vote('a', 'break_glass')], ['a'], 1, 0, 0, 1],
  ])('of %s', (_name, votes, eligible, quorum, counted, dropped, missing) => {
    const found = tally(votes, new Set(eligible), { quorum });
    expect([found.counted.length, found.dropped.length, found.missing]).toEqual([counted, dropped, missing]);
  });
});

describe('drift', () => {
  const preview: Preview = {
    input: {},
    summary: [],
    relied: { 'the commit': 'aaa', 'the regions': 'eu' },
    costPerHour: 4,
    facts: { adds: true },
  };

  test('is whatever an approver relied on and is different now, in words', () => {
    expect(driftBetween(preview, preview)).toEqual([]);
    expect(driftBetween(preview, { ...preview, relied: { 'the commit': 'bbb' } })).toEqual([
      'the commit was aaa and is bbb',
      'the regions was eu and is gone',
    ]);
  });

  test('is a higher price, and never a lower one', () => {
    expect(driftBetween(preview, { ...preview, costPerHour: 3 })).toEqual([]);
    expect(driftBetween(preview, { ...preview, costPerHour: 5 })).toHaveLength(1);
    expect(driftBetween(preview, { ...preview, costPerHour: null })).toHaveLength(1);
    expect(driftBetween({ ...preview, costPerHour: null }, preview)).toEqual([]);
  });
});
