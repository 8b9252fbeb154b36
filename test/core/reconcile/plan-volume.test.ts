import { describe, expect, test } from 'vitest';
import type { ObservedVolume } from '../../../src/core/region/region.ts';
import { planVolume, retryDelayMs } from '../../../src/core/reconcile/plan-volume.ts';
import { volumeStates } from '../../../src/core/volumes/states.ts';
import type { VolumeRecord } from '../../../src/core/reconcile/plan-volume.ts';
import type { VolumeState } from '../../../src/core/volumes/states.ts';

const now = 1_000_000;

function record(state: VolumeState, more: Partial<VolumeRecord> = {}): VolumeRecord {
  return { state, attempt: 3, failures: 0, reached: 0, retryAt: undefined, ...more };
}

function failed(code: string, retryable: boolean, attempt = 3): ObservedVolume {
  return { state: 'failed', attempt, failure: { type: 'failed', code, message: `It was ${code}.`, retryable } };
}

/** The step for every state of the record, in one line each. */
function steps(observed: ObservedVolume, wanted: boolean): string[] {
  return volumeStates.map((state) => {
    const step = planVolume(record(state), observed, wanted, now);
    return [state, step.do, 'state' in step ? step.state : ''].join(' ').trim();
  });
}

describe('a volume that somebody needs', () => {
  test('is fetched where nothing is there, unless it failed for good', () => {
    const table = [
      'absent start',
      'partial start',
      'queued start',
      'downloading start',
      'ready start',
      'failed nothing',
      'damaged start',
      'evicting delete',
    ];
    expect(steps({ state: 'absent' }, true)).toEqual(table);
    expect(steps({ state: 'partial', bytes: 1 }, true)).toEqual(table);
  });

  test('is left to the download that runs', () => {
    expect(steps({ state: 'downloading', attempt: 3 }, true)).toEqual([
      'absent record downloading',
      'partial record downloading',
      'queued record downloading',
      'downloading nothing',
      'ready record downloading',
      'failed record downloading',
      'damaged record downloading',
      'evicting delete',
    ]);
  });

  test('is ready when its tree is whole, whoever made it so', () => {
    expect(steps({ state: 'ready', bytes: 1 }, true)).toEqual([
      'absent record ready',
      'partial record ready',
      'queued record ready',
      'downloading record ready',
      'ready nothing',
      'failed record ready',
      'damaged nothing',
      'evicting delete',
    ]);
  });

  test('that is whole when a prefetch asks for it is left with no wish open', () => {
    const asked = record('ready', { prefetch: true });
    expect(planVolume(asked, { state: 'ready', bytes: 1 }, true, now)).toMatchObject({ do: 'record', state: 'ready' });
  });

  test('gets a higher attempt every time', () => {
    expect(planVolume(record('queued'), { state: 'absent' }, true, now)).toEqual({ do: 'start', attempt: 4 });
  });

  test('waits until it may be tried again', () => {
    const waiting = record('queued', { retryAt: now + 1 });
    expect(planVolume(waiting, { state: 'absent' }, true, now).do).toBe('nothing');
    expect(planVolume(waiting, { state: 'absent' }, true, now + 1).do).toBe('start');
  });
});

describe('an attempt that ended', () => {
  test('counts, and is tried again after longer and longer, while it may heal', () => {
    const reason = { code: 'stalled', message: 'It was stalled.' };
    for (const failures of [0, 1, 2, 3, 4]) {
      expect(planVolume(record('downloading', { failures }), failed('stalled', true), true, now)).toEqual({
        do: 'record',
        state: 'queued',
        failures: failures + 1,
        reached: 0,
        retryAt: now + 1000 * 2 ** (failures + 1),
        reason,
      });
    }
    expect(planVolume(record('downloading', { failures: 5 }), failed('stalled', true), true, now)).toEqual({
      do: 'record',
      state: 'failed',
      failures: 6,
      reached: 0,
      reason,
    });
  });

  test('ends it at once where trying again cannot help', () => {
    expect(planVolume(record('downloading'), failed('gated_repo', false), true, now)).toMatchObject({
      state: 'failed',
      failures: 1,
      reason: { code: 'gated_repo' },
    });
  });

  test('is counted once: a failure that was written down is not counted again', () => {
    const step = planVolume(record('queued', { failures: 1, retryAt: now + 5 }), failed('stalled', true), true, now);
    expect(step).toEqual({ do: 'nothing' });
  });

  test('of another number says nothing about this one', () => {
    const step = planVolume(record('downloading'), failed('gated_repo', false, 2), true, now);
    expect(step).toEqual({ do: 'start', attempt: 4 });
  });

  test('after it had got further than the one before counts as the first', () => {
    const further = record('downloading', { failures: 5, reached: 700, progress: { done: 701 } });
    expect(planVolume(further, failed('stalled', true), true, now)).toMatchObject({
      state: 'queued',
      failures: 1,
      reached: 701,
    });
    const nowhere = { ...further, progress: { done: 700 } };
    expect(planVolume(nowhere, failed('stalled', true), true, now)).toMatchObject({ state: 'failed', reached: 700 });
  });

  test('because it was killed goes on at once, and when that happens again and again waits, says so, and ends', () => {
    const kill = (failures: number, more: Partial<VolumeRecord> = {}) =>
      planVolume(record('downloading', { failures, ...more }), failed('interrupted', true), true, now);
    expect(kill(0)).toEqual({ do: 'record', state: 'queued', failures: 1, reached: 0 });
    const message = 'It was interrupted. It failed 2 times in a row without any progress.';
    const reason = { code: 'interrupted', message };
    expect(kill(1)).toEqual({ do: 'record', state: 'queued', failures: 2, reached: 0, retryAt: now + 4000, reason });
    expect(kill(5)).toMatchObject({ state: 'failed', reason: { code: 'interrupted' } });
    expect(kill(5, { progress: { done: 1 } })).toEqual({ do: 'record', state: 'queued', failures: 1, reached: 1 });
  });

  test.each(['stopped', 'superseded'])('because it was %s counts as no failure', (code) => {
    const step = planVolume(record('downloading', { failures: 2 }), failed(code, true), true, now);
    expect(step).toEqual({ do: 'record', state: 'queued', failures: 2 });
  });
});

test.each([true, false])('a volume that somebody deleted by hand goes all the way (needed: %s)', (wanted) => {
  expect(steps({ state: 'deleting' }, wanted)).toEqual(volumeStates.map((state) => `${state} delete`));
});

describe('a volume that nobody needs', () => {
  test('is not fetched, and its download is stopped', () => {
    expect(steps({ state: 'downloading', attempt: 3 }, false).filter((step) => !step.endsWith(' stop'))).toEqual([
      'evicting delete',
    ]);
    expect(steps({ state: 'absent' }, false)).toEqual([
      'absent nothing',
      'partial nothing',
      'queued record absent',
      'downloading record absent',
      'ready record absent',
      'failed nothing',
      'damaged nothing',
      'evicting delete',
    ]);
  });

  test('keeps what came of it, as partial', () => {
    expect(planVolume(record('downloading'), failed('stopped', true), false, now)).toMatchObject({ state: 'partial' });
    expect(planVolume(record('queued'), failed('stopped', true), false, now)).toMatchObject({ state: 'partial' });
  });
});

test('the pauses are 2, 4, 8, 16 and 32 seconds', () => {
  expect([1, 2, 3, 4, 5].map(retryDelayMs)).toEqual([2000, 4000, 8000, 16_000, 32_000]);
});
