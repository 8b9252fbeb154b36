import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../../src/core/base/log.ts';
import { sqliteDialect } from '../../../src/core/store/dialects.ts';
import { acquireLease } from '../../../src/core/store/lease.ts';
import type { Lease, LeaseOptions } from '../../../src/core/store/lease.ts';
import { createStore } from '../../../src/core/store/store.ts';
import type { Store } from '../../../src/core/store/store.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

const log = createLog({ level: 'silent', pretty: false });
const second = 1000;

let store: Store;

beforeEach(async () => {
  store = await createStore('sqlite', sqliteDialect(':memory:'));
  onTestFinished(() => store[Symbol.asyncDispose]());
});

/** A server with its own clock. Its way to the database can be cut, and it can be killed or frozen: its clock then stands. */
function server(name: string, waits = false) {
  const clock = createFakeClock();
  const way = { isCut: false };
  const db = new Proxy(store.db, {
    get(target, property) {
      if (way.isCut) throw new Error('The database does not answer.');
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const stop = new AbortController();
  const options: LeaseOptions = {
    db,
    drop: () => {},
    clock,
    log,
    holder: { host: name, pid: 7 },
    address: () => `http://${name}:7420`,
    waits,
    signal: stop.signal,
  };
  return { clock, way, stop, acquire: () => acquireLease(options) };
}

/** Lets time pass on both clocks at once, in steps that no renewal is longer than. */
async function pass(ms: number, ...clocks: FakeClock[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) for (const clock of clocks) await clock.advance(100);
}

/** What became of a promise so far. */
async function stateOf<T>(promise: Promise<T>): Promise<'waiting' | { done: T } | { failed: unknown }> {
  const done = promise.then(
    (value) => ({ done: value }),
    (failed: unknown) => ({ failed }),
  );
  return Promise.race([done, turn().then(() => turn('waiting' as const))]);
}

async function heldBy(name: string) {
  const one = server(name);
  const lease = await one.acquire();
  return { ...one, lease };
}

async function epoch(): Promise<number | undefined> {
  return (await store.db.selectFrom('leases').select('epoch').executeTakeFirst())?.epoch;
}

describe('a lease', () => {
  test('that is free is taken at once, and kept by renewals', async () => {
    const one = await heldBy('one');
    expect(one.lease.isHeld()).toBe(true);
    await pass(60 * second, one.clock);
    expect(one.lease.isHeld()).toBe(true);
    await expect(one.lease.confirm(store.db)).resolves.toBeUndefined();
    expect(await stateOf(one.lease.taken)).toBe('waiting');
  });

  test('refuses a second server while the first lives, and names the first', async () => {
    const one = await heldBy('one');
    const two = server('two');
    const acquired = two.acquire();
    acquired.catch(() => {});
    await pass(5 * second, one.clock, two.clock);
    await expect(acquired).rejects.toMatchObject({
      code: 'database_in_use',
      kind: 'conflict',
      message: expect.stringMatching(
        /http:\/\/one:7420, on the host one with pid 7, since 2026-11-01T10:00:00.000Z\.$/,
      ),
    });
    expect(one.lease.isHeld()).toBe(true);
  });

  test('of a killed server goes to the next within 30 s, and not before the first has stopped', async () => {
    const one = await heldBy('one');
    await pass(5 * second, one.clock);
    const two = server('two');
    const acquired = two.acquire();
    // The first no longer renews. Its clock goes on: it is cut off, or it was killed.
    one.way.isCut = true;
    let handedOver = 0;
    for (let passed = 0; passed < 30 && handedOver === 0; passed++) {
      await pass(second, one.clock, two.clock);
      if ((await stateOf(acquired)) === 'waiting') continue;
      handedOver = passed + 1;
      expect(one.lease.isHeld()).toBe(false);
    }
    expect(handedOver).toBeGreaterThan(6);
    const lease = await acquired;
    expect(lease.isHeld()).toBe(true);
    expect(await epoch()).toBe(2);
  });

  test('is freed at the end of its holder, so the next server does not wait', async () => {
    const one = await heldBy('one');
    await one.lease[Symbol.asyncDispose]();
    const two = await heldBy('two');
    expect(two.lease.isHeld()).toBe(true);
    expect(two.clock.elapsedMs()).toBe(0);
    expect(await epoch()).toBe(2);
  });

  test('comes to one of two servers that ask at the same moment', async () => {
    const [one, two] = [server('one'), server('two')];
    const all = [stateOf(one.acquire()), stateOf(two.acquire())];
    const ends = await Promise.all(all);
    expect(ends.filter((end) => end !== 'waiting' && 'done' in end)).toHaveLength(1);
    expect(ends.filter((end) => end !== 'waiting' && 'failed' in end)).toMatchObject([
      { failed: { code: 'database_in_use' } },
    ]);
  });

  test('that a server waits for comes to it when the holder ends', async () => {
    const one = await heldBy('one');
    const two = server('two', true);
    const acquired = two.acquire();
    await pass(120 * second, one.clock, two.clock);
    expect(await stateOf(acquired)).toBe('waiting');
    await one.lease[Symbol.asyncDispose]();
    await pass(2 * second, two.clock);
    expect((await acquired).isHeld()).toBe(true);
  });

  test('is not waited for any more after a signal', async () => {
    await heldBy('one');
    const two = server('two', true);
    const acquired = two.acquire();
    two.stop.abort(new Error('stop'));
    await expect(acquired).rejects.toThrow('stop');
  });
});

describe('a holder', () => {
  test('whose database is away stops, and goes on when it is back and nobody came', async () => {
    const one = await heldBy('one');
    one.way.isCut = true;
    await pass(5 * second, one.clock);
    expect(one.lease.isHeld()).toBe(true);
    await pass(2 * second, one.clock);
    expect(one.lease.isHeld()).toBe(false);
    await expect(one.lease.confirm(store.db)).rejects.toThrow('lost its lease');
    await pass(300 * second, one.clock);
    expect(one.lease.isHeld()).toBe(false);
    one.way.isCut = false;
    await pass(3 * second, one.clock);
    expect(one.lease.isHeld()).toBe(true);
    expect(await epoch()).toBe(1);
  });

  async function replaced(): Promise<{ one: Awaited<ReturnType<typeof heldBy>>; lease: Lease; clock: FakeClock }> {
    const one = await heldBy('one');
    const two = server('two');
    const acquired = two.acquire();
    await pass(21 * second, two.clock);
    return { one, lease: await acquired, clock: two.clock };
  }

  test('that was frozen while another took the lease begins nothing, writes nothing, and is told of the other', async () => {
    const { one, lease } = await replaced();
    // Its own clock stood still, so it believes that it holds the lease. The number in the database says otherwise.
    expect(one.lease.isHeld()).toBe(true);
    await expect(one.lease.confirm(store.db)).rejects.toThrow('lost its lease');
    await pass(3 * second, one.clock);
    expect(one.lease.isHeld()).toBe(false);
    expect(await one.lease.taken).toMatchObject({
      code: 'database_in_use',
      message: expect.stringContaining('http://two:7420'),
    });
    expect(lease.isHeld()).toBe(true);
  });

  test('that was replaced does not free the lease of the other at its end', async () => {
    const { one, lease } = await replaced();
    await one.lease[Symbol.asyncDispose]();
    await expect(lease.confirm(store.db)).resolves.toBeUndefined();
    const row = await store.db.selectFrom('leases').select('holder').executeTakeFirst();
    expect(row?.holder).toContain('two');
  });

  test('is believed by no wall clock: one that is set back or ahead changes nothing', async () => {
    const one = await heldBy('one');
    const two = server('two', true);
    two.clock.shiftWallClock(3_600_000);
    one.clock.shiftWallClock(-3_600_000);
    const acquired = two.acquire();
    await pass(60 * second, one.clock, two.clock);
    expect(await stateOf(acquired)).toBe('waiting');
    expect(one.lease.isHeld()).toBe(true);
    two.stop.abort();
    await acquired.catch(() => {});
  });
});
