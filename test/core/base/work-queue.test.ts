import { describe, expect, test } from 'vitest';
import { WorkQueue } from '../../../src/core/base/work-queue.ts';
import type { Requeue } from '../../../src/core/base/work-queue.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** A queue whose work ends when the test says so. */
function queueOf(width = 8) {
  const clock = createFakeClock();
  const started: string[] = [];
  const failed: string[] = [];
  const running = new Map<string, PromiseWithResolvers<Requeue>>();
  const queue = new WorkQueue({
    clock,
    width,
    work: (key) => {
      started.push(key);
      const work = Promise.withResolvers<Requeue>();
      running.set(key, work);
      return work.promise;
    },
    onError: (key) => failed.push(key),
  });
  return {
    clock,
    queue,
    started,
    failed,
    end: async (key: string, how: Requeue | Error = 'when_nudged') => {
      const work = running.get(key);
      if (how instanceof Error) work?.reject(how);
      else work?.resolve(how);
      // The queue goes on a few turns later, whichever way the work ended.
      await clock.advance(0);
    },
  };
}

describe('a key', () => {
  test('is worked on once for any number of nudges before it begins', () => {
    const { queue, started } = queueOf(1);
    for (const key of ['a', 'b', 'b', 'b']) queue.nudge(key);
    expect(started).toEqual(['a']);
  });

  test('is worked on once more, and never twice at once, for nudges that come while it is', async () => {
    const { queue, started, end } = queueOf();
    queue.nudge('a');
    queue.nudge('a');
    queue.nudge('a');
    expect(started).toEqual(['a']);
    await end('a');
    expect(started).toEqual(['a', 'a']);
    await end('a');
    expect(started).toEqual(['a', 'a']);
  });

  test('does not wait for other keys, up to the width', async () => {
    const { queue, started, end } = queueOf(2);
    for (const key of ['a', 'b', 'c']) queue.nudge(key);
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test('comes back after the time that its work asked for, and sooner when it is nudged', async () => {
    const { clock, queue, started, end } = queueOf();
    queue.nudge('a');
    await end('a', 1000);
    await clock.advance(999);
    expect(started).toHaveLength(1);
    await clock.advance(1);
    expect(started).toHaveLength(2);
    await end('a', 1000);
    queue.nudge('a');
    expect(started).toHaveLength(3);
    await end('a');
    await clock.advance(100_000);
    expect(started).toHaveLength(3);
  });

  test('whose work throws is reported and tried again later each time, until it goes well', async () => {
    const { clock, queue, started, failed, end } = queueOf();
    queue.nudge('a');
    const pauses = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000];
    for (const [index, pause] of pauses.entries()) {
      await end('a', new Error('no'));
      expect(failed).toHaveLength(index + 1);
      await clock.advance(pause - 1);
      expect(started).toHaveLength(index + 1);
      await clock.advance(1);
      expect(started).toHaveLength(index + 2);
    }
    await end('a');
    queue.nudge('a');
    await end('a', new Error('no'));
    await clock.advance(500);
    expect(started).toHaveLength(pauses.length + 3);
  });
});

describe('a closed queue', () => {
  test('waits for what runs, and starts nothing more', async () => {
    const { clock, queue, started, end } = queueOf(1);
    queue.nudge('a');
    queue.nudge('b');
    queue.nudge('a');
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    queue.nudge('c');
    await Promise.resolve();
    expect(closed).toBe(false);
    await end('a', 10);
    await closing;
    await clock.advance(100_000);
    expect(started).toEqual(['a']);
  });

  test('is closed at once when nothing runs', async () => {
    const { queue, started } = queueOf();
    await queue.close();
    queue.nudge('a');
    expect(started).toEqual([]);
  });
});
