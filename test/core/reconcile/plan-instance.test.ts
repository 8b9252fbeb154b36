import { describe, expect, test } from 'vitest';
import { planRegion } from '../../../src/core/reconcile/plan-instance.ts';
import type { RegionView } from '../../../src/core/reconcile/plan-instance.ts';
import type { ObservedReplica } from '../../../src/core/region/region.ts';
import { volumeStates } from '../../../src/core/volumes/states.ts';

const exited = { code: 'engine_exited', message: 'It ended.' };
const noSpace = { code: 'no_space', message: 'Full.' };

function replica(state: ObservedReplica['state'], restarts = 0): ObservedReplica {
  const reason = state === 'waiting' ? { reason: exited } : {};
  return { id: '1-0', state, restarts, ...reason };
}

function view(more: Partial<RegionView> = {}): RegionView {
  return { desired: 'running', replicas: 1, volume: { state: 'ready' }, observed: [], ...more };
}

describe('an instance that should run', () => {
  test('waits for its volume whatever runs of it, and is applied once the volume is whole', () => {
    const steps = volumeStates.map((state) => {
      const { step, state: seen } = planRegion(view({ volume: { state } }));
      return [state, step, seen].join(' ');
    });
    expect(steps).toEqual([
      'absent request_volume pending',
      'partial request_volume pending',
      'queued request_volume pending',
      'downloading request_volume downloading',
      'ready apply starting',
      'failed request_volume failed',
      'damaged request_volume pending',
      'evicting request_volume pending',
    ]);
  });

  test('says why its volume is not there', () => {
    expect(planRegion(view({ volume: { state: 'failed', reason: noSpace } }))).toMatchObject({
      state: 'failed',
      reason: noSpace,
    });
    expect(planRegion(view({ volume: { state: 'queued', reason: noSpace } }))).toMatchObject({
      state: 'pending',
      reason: noSpace,
    });
  });

  test('serves on, degraded, from a volume that somebody deleted under it', () => {
    const volume = { state: 'evicting' as const, reason: noSpace };
    expect(planRegion(view({ volume, observed: [replica('ready')] }))).toMatchObject({
      step: 'request_volume',
      state: 'degraded',
      reason: noSpace,
    });
  });

  test('is applied at once from a filesystem, which is read in place', () => {
    expect(planRegion(view({ volume: undefined }))).toMatchObject({ step: 'apply', state: 'starting' });
  });

  test('is running when as many replicas are ready as are wanted, and degraded with fewer', () => {
    const two = view({ replicas: 2, observed: [replica('ready'), replica('waiting', 1)] });
    expect(planRegion(two)).toEqual({ step: 'apply', state: 'degraded', ready: 1, restarts: 1, reason: exited });
    expect(planRegion({ ...two, replicas: 1 })).toEqual({ step: 'apply', state: 'running', ready: 1, restarts: 1 });
  });

  test('is starting through two restarts and failed from the third, while it is applied on', () => {
    const states = [0, 1, 2, 3, 4].map((restarts) => planRegion(view({ observed: [replica('waiting', restarts)] })));
    expect(states.map(({ state }) => state)).toEqual(['starting', 'starting', 'starting', 'failed', 'failed']);
    expect(states.every(({ step }) => step === 'apply')).toBe(true);
    expect(states[3]?.reason).toEqual(exited);
  });

  test('is not called failed for ends that lie behind a time of service', () => {
    const served = { ...replica('waiting', 7), crashes: 1 };
    expect(planRegion(view({ observed: [served] })).state).toBe('starting');
    expect(planRegion(view({ observed: [{ ...served, crashes: 3 }] })).state).toBe('failed');
  });

  test('runs, and says so, where the tag of its image was moved between two starts', () => {
    const of = (image: string, digest: string) => ({ ...replica('ready'), image: { of: image, digest } });
    const moved = planRegion(view({ replicas: 2, observed: [of('e:1', 'sha256:a'), of('e:1', 'sha256:b')] }));
    expect(moved).toMatchObject({ state: 'running', reason: { code: 'image_moved' } });
    // Between two images of different names there is a rollout, and nothing wrong.
    const rolling = planRegion(view({ replicas: 2, observed: [of('e:1', 'sha256:a'), of('e:2', 'sha256:b')] }));
    expect(rolling.reason).toBeUndefined();
  });

  test('does not count a replica that is on its way out', () => {
    expect(planRegion(view({ observed: [replica('stopping')] }))).toMatchObject({ state: 'starting', ready: 0 });
  });
});

describe('an instance that should not run', () => {
  test('is stopping while anything of it is there, and stopped after', () => {
    const stopped = view({ desired: 'stopped' });
    expect(planRegion({ ...stopped, observed: [replica('stopping')] })).toMatchObject({
      step: 'remove',
      state: 'stopping',
    });
    expect(planRegion(stopped)).toMatchObject({ step: 'none', state: 'stopped' });
  });

  test('is erased when it is deleted, but not before its replicas are gone', () => {
    const deleted = view({ desired: 'deleted' });
    expect(planRegion({ ...deleted, observed: [replica('ready')] })).toMatchObject({ step: 'remove' });
    expect(planRegion(deleted)).toMatchObject({ step: 'erase', state: 'stopped' });
  });

  test('does not ask for its volume', () => {
    expect(planRegion(view({ desired: 'stopped', volume: { state: 'absent' } })).step).toBe('none');
  });
});
