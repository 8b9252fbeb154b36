import { describe, expect, test } from 'vitest';
import { allows, instanceStates, isSettled, wholeState } from '../../../src/core/instances/states.ts';
import type { InstanceAction, InstanceState } from '../../../src/core/instances/states.ts';

const actions: InstanceAction[] = ['stop', 'restart', 'scale', 'extend', 'delete', 'call'];

test('what each state allows is this table and nothing else', () => {
  const table = instanceStates.map((state) => [state, ...actions.filter((action) => allows(action, state))].join(' '));
  expect(table).toEqual([
    'pending stop restart scale extend',
    'downloading stop restart scale extend',
    'starting stop restart scale extend',
    'running stop restart scale extend call',
    'degraded stop restart scale extend call',
    'failed stop restart scale extend delete',
    'stopping',
    'stopped restart delete',
  ]);
});

test('settled are the states that last until somebody acts or something breaks', () => {
  expect(instanceStates.filter(isSettled)).toEqual(['running', 'degraded', 'failed', 'stopped']);
});

describe('the whole of several regions', () => {
  const cases: [InstanceState[], InstanceState][] = [
    [[], 'pending'],
    [['running', 'running'], 'running'],
    [['running', 'starting'], 'degraded'],
    [['running', 'failed'], 'degraded'],
    [['failed', 'degraded'], 'degraded'],
    [['running', 'stopping'], 'degraded'],
    [['starting', 'downloading'], 'starting'],
    [['downloading', 'pending'], 'downloading'],
    [['failed', 'downloading'], 'downloading'],
    [['failed', 'pending'], 'pending'],
    [['failed', 'failed'], 'failed'],
    [['failed', 'stopped'], 'failed'],
    [['stopping', 'stopped'], 'stopping'],
    [['stopped', 'stopped'], 'stopped'],
  ];
  test.each(cases)('%j is %s, in any order', (regions, whole) => {
    expect(wholeState(regions)).toBe(whole);
    expect(wholeState(regions.toReversed())).toBe(whole);
  });

  test('is settled only when no region is on its way somewhere', () => {
    const pairs = instanceStates.flatMap((a) => instanceStates.map((b) => [a, b]));
    const settled = pairs.filter((pair) => ['running', 'failed', 'stopped'].includes(wholeState(pair)));
    expect(settled.filter((pair) => !pair.every(isSettled))).toEqual([]);
  });
});
