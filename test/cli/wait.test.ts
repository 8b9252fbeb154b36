import { expect, test } from 'vitest';
import { failureOf, isAtGoal, progressText, waitFor } from '../../src/cli/wait.ts';
import type { WatchedInstance } from '../../src/cli/wait.ts';
import { commandSpeaker } from '../../src/cli/speaker.ts';
import { render } from '../../src/core/base/prose.ts';
import { silentTerminal } from './support/terminal.ts';

type State = WatchedInstance['state'];

test('an instance is at its goal if all its replicas run', () => {
  expect(isAtGoal(instance('running', ['running'], 1, 2), 'running')).toBe(false);
  expect(isAtGoal(instance('running', ['running'], 2, 2), 'running')).toBe(true);
  expect(isAtGoal(instance('stopped', ['stopped'], 0, 2), 'stopped')).toBe(true);
});

test('a failure in one region ends the wait only if no other region can still get there', () => {
  expect(failureOf(instance('degraded', ['failed', 'downloading']), 'running')).toBeUndefined();
  expect(failureOf(instance('degraded', ['failed', 'running']), 'running')).toMatchObject({
    exitStatus: 1,
    code: 'no_space',
    message: 'Instance 3 failed: The disk is full.',
  });
  expect(failureOf(instance('failed', ['failed']), 'running')).toMatchObject({ code: 'no_space' });
});

test('after a failure the next step is a command to type', () => {
  const full = failureOf(instance('failed', ['failed']), 'running');
  expect(render(full?.nextStep ?? '', commandSpeaker())).toBe(
    'Make room: ecolink list-cache shows the cached weights, ecolink evict-cache deletes them. Then start it again: ecolink restart-instance 3.',
  );
  const crashed = { ...region('failed'), reason: { code: 'crashed', message: 'The engine ended.' } };
  const failure = failureOf({ ...instance('failed', []), regions: [crashed] }, 'running');
  expect(render(failure?.nextStep ?? '', commandSpeaker())).toContain('ecolink get-instance-logs 3 shows');
});

test('an instance that somebody stops meanwhile is an error', () => {
  expect(failureOf(instance('stopped', ['stopped']), 'running')).toMatchObject({ code: 'instance_stopped' });
  expect(failureOf(instance('stopped', ['stopped']), 'stopped')).toBeUndefined();
});

test('the progress line has bytes, rate and time left, and names the regions if there are several', () => {
  const one = instance('downloading', ['downloading']);
  one.regions[0] = { ...region('downloading'), progress: { done: 1e6, total: 4e6, rate: 1e6, seconds_left: 3 } };
  expect(progressText(one)).toBe('instance 3  downloading [#####---------------] 25 %  1 MB of 4 MB  1 MB/s  3 s left');
  expect(progressText(instance('degraded', ['running', 'starting']))).toBe('instance 3  r0 running  |  r1 starting');
});

test('waiting shows the states and returns the last output', async () => {
  const looks = [instance('pending', ['pending']), instance('running', ['running'])];
  const terminal = silentTerminal();
  const last = await waitFor('running', 3, async () => ({ ...looks.shift() }), terminal);
  expect(last).toMatchObject({ state: 'running' });
  expect(terminal.errors).toEqual(['instance 3  pending', 'instance 3  running']);
});

function region(state: State, index = 0): WatchedInstance['regions'][number] {
  const reason = { code: 'no_space', message: 'The disk is full.' };
  return { region: `r${index}`, state, replicas: 1, ready: 0, ...(state === 'failed' ? { reason } : {}) };
}

function instance(state: State, regions: State[], ready = 1, replicas = 1): WatchedInstance {
  return { id: 3, state, ready, replicas, regions: regions.map((each, index) => region(each, index)) };
}
