import { expect, test } from 'vitest';
import { failureOf, progressText, reached, waitFor } from '../../src/cli/wait.ts';
import type { Watched } from '../../src/cli/wait.ts';
import type { InstanceState } from '../../src/core/instances/states.ts';
import { silentTerminal } from './support/terminal.ts';

test('it has arrived when it runs with as many replicas as it should have', () => {
  expect(reached(instance('running', ['running'], 1, 2), 'running')).toBe(false);
  expect(reached(instance('running', ['running'], 2, 2), 'running')).toBe(true);
  expect(reached(instance('stopped', ['stopped'], 0, 2), 'stopped')).toBe(true);
});

test('a failure in one region ends the wait only when no other region is on its way', () => {
  expect(failureOf(instance('degraded', ['failed', 'downloading']), 'running')).toBeUndefined();
  expect(failureOf(instance('degraded', ['failed', 'running']), 'running')).toMatchObject({
    exitStatus: 1,
    code: 'no_space',
    message: 'Instance 3 failed: The disk is full.',
  });
  expect(failureOf(instance('failed', ['failed']), 'running')).toMatchObject({
    code: 'no_space',
    nextStep: expect.stringContaining('evict-cache frees it; then: ecolink restart-instance 3') as string,
  });
});

test('an instance that somebody stops meanwhile will not run', () => {
  expect(failureOf(instance('stopped', ['stopped']), 'running')).toMatchObject({ code: 'instance_stopped' });
  expect(failureOf(instance('stopped', ['stopped']), 'stopped')).toBeUndefined();
});

test('the progress line has bytes, rate and time left, and names regions where there are several', () => {
  const one = instance('downloading', ['downloading']);
  one.regions[0] = { ...region('downloading'), progress: { done: 1e6, total: 4e6, rate: 1e6, seconds_left: 3 } };
  expect(progressText(one)).toBe('instance 3  downloading [#####---------------] 25 %  1 MB of 4 MB  1 MB/s  3 s left');
  expect(progressText(instance('degraded', ['running', 'starting']))).toBe('instance 3  r0 running  |  r1 starting');
});

test('waiting follows the states and answers with the last look', async () => {
  const looks = [instance('pending', ['pending']), instance('running', ['running'])];
  const terminal = silentTerminal();
  const last = await waitFor('running', 3, async () => ({ ...looks.shift() }), terminal);
  expect(last).toMatchObject({ state: 'running' });
  expect(terminal.errors).toEqual(['instance 3  pending', 'instance 3  running']);
});

function region(state: InstanceState, index = 0): Watched['regions'][number] {
  const reason = { code: 'no_space', message: 'The disk is full.' };
  return { region: `r${index}`, state, replicas: 1, ready: 0, ...(state === 'failed' ? { reason } : {}) };
}

function instance(state: InstanceState, regions: InstanceState[], ready = 1, replicas = 1): Watched {
  return { id: 3, state, ready, replicas, regions: regions.map((each, index) => region(each, index)) };
}
