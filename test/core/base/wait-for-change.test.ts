import { describe, expect, test } from 'vitest';
import type { Changes } from '../../../src/core/base/changes.ts';
import { createChanges } from '../../../src/core/base/create-changes.ts';
import { waitForChange } from '../../../src/core/base/wait-for-change.ts';
import type { AwaitedChange } from '../../../src/core/base/wait-for-change.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function countedChanges() {
  const inner = createChanges();
  let listeners = 0;
  const changes: Changes = {
    publish: (change) => inner.publish(change),
    subscribe(listener) {
      const end = inner.subscribe(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        end();
      };
    },
  };
  return { changes, listeners: () => listeners };
}

/** A wait for instance 3 that reads a state which the test sets. */
function waitOf(about: Partial<AwaitedChange> = {}) {
  const clock = createFakeClock();
  const { changes, listeners } = countedChanges();
  const state = { changed: false, reads: 0 };
  let answer: boolean | undefined;
  const hasChanged = async (): Promise<boolean> => {
    state.reads += 1;
    return state.changed;
  };
  const awaited: AwaitedChange = { kind: 'instance', id: '3', hasChanged, forMs: 10_000, pollMs: 2000, ...about };
  const done = waitForChange({ changes, clock }, awaited).then((changed) => {
    answer = changed;
  });
  return { clock, changes, listeners, state, done, answer: () => answer };
}

const ofThree = { kind: 'instance', id: '3' } as const;

describe('a wait for a change', () => {
  test('ends at once if it has happened already', async () => {
    const { clock, answer } = waitOf({ hasChanged: async () => true });
    await clock.advance(0);
    expect(answer()).toBe(true);
    expect(clock.waiting()).toBe(0);
  });

  test('ends with the hint, before the next poll', async () => {
    const { clock, changes, state, answer } = waitOf();
    await clock.advance(500);
    state.changed = true;
    changes.publish(ofThree);
    await clock.advance(0);
    expect(answer()).toBe(true);
    expect(clock.waiting()).toBe(0);
  });

  test('reads again for hints about itself alone', async () => {
    const { clock, changes, state, answer } = waitOf();
    await clock.advance(500);
    changes.publish({ kind: 'instance', id: '4' });
    changes.publish({ kind: 'approval', id: '3' });
    await clock.advance(0);
    expect(state.reads).toBe(1);
    changes.publish(ofThree);
    await clock.advance(0);
    expect(state.reads).toBe(2);
    expect(answer()).toBeUndefined();
  });

  test('misses no hint that comes while it reads', async () => {
    const reads: PromiseWithResolvers<boolean>[] = [];
    const { clock, changes, answer } = waitOf({
      hasChanged: () => {
        const read = Promise.withResolvers<boolean>();
        reads.push(read);
        return read.promise;
      },
    });
    changes.publish(ofThree);
    reads[0]?.resolve(false);
    await clock.advance(0);
    expect(reads).toHaveLength(2);
    reads[1]?.resolve(true);
    await clock.advance(0);
    expect(answer()).toBe(true);
  });

  test('sees a change that nobody published at the next poll', async () => {
    const { clock, state, answer } = waitOf();
    await clock.advance(100);
    state.changed = true;
    await clock.advance(1899);
    expect(answer()).toBeUndefined();
    await clock.advance(1);
    expect(answer()).toBe(true);
  });

  test('ends with its time, after a last read, whatever the wall clock says', async () => {
    const { clock, state, answer } = waitOf({ forMs: 5000 });
    await clock.advance(100);
    clock.shiftWallClock(-86_400_000);
    await clock.advance(4899);
    expect(answer()).toBeUndefined();
    expect(state.reads).toBe(3);
    await clock.advance(1);
    expect(answer()).toBe(false);
    expect(state.reads).toBe(4);
  });

  test('is not cut short by a wall clock that is set forward', async () => {
    const { clock, answer } = waitOf();
    await clock.advance(100);
    clock.shiftWallClock(86_400_000);
    await clock.advance(9899);
    expect(answer()).toBeUndefined();
    await clock.advance(1);
    expect(answer()).toBe(false);
  });

  test('ends when the caller goes, and listens no more', async () => {
    const gone = new AbortController();
    const { clock, listeners, answer } = waitOf({ signal: gone.signal });
    await clock.advance(100);
    expect(listeners()).toBe(1);
    gone.abort();
    await clock.advance(0);
    expect(answer()).toBe(false);
    expect(clock.waiting()).toBe(0);
    expect(listeners()).toBe(0);
  });

  test('listens no more once a read has failed', async () => {
    const { done, listeners } = waitOf({ hasChanged: () => Promise.reject(new Error('no database')) });
    await expect(done).rejects.toThrow('no database');
    expect(listeners()).toBe(0);
  });
});
