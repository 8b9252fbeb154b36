import { describe, expect, test } from 'vitest';
import { createOutbox, priorities } from '../../../src/core/notify/outbox.ts';
import type { NewMessage, Outbox } from '../../../src/core/notify/outbox.ts';
import { defined } from '../../support/defined.ts';
import { stores } from '../../support/stores.ts';

const at = (seconds: number) => () => new Date(Date.UTC(2026, 10, 25) + seconds * 1000);
const message: NewMessage = {
  topic: 'approval',
  subject: 3,
  about: 'request',
  audience: 'channel',
  places: [
    { team: 'T1', to: 'C1' },
    { team: 'T2', to: 'U2' },
  ],
  priority: priorities.decision,
  wanted: '"first"',
};
const post = { team: 'T1', channel: 'C1', ts: '1.1' };

async function onlyDue(outbox: Outbox, team = 'T1') {
  const due = await outbox.due(team, false, 10);
  expect(due).toHaveLength(1);
  return defined(due[0]);
}

describe.each(stores())('the outbox in $name', (kind) => {
  test('keeps one message for each audience, and sends each content once', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    expect(await outbox.add([message, { ...message, audience: 'person ada' }])).toBe(2);
    expect(await outbox.add([{ ...message, wanted: '"other"' }])).toBe(0);
    const [first] = await outbox.about('approval', 3);
    await outbox.sent(defined(first), post);
    const { audience } = await onlyDue(outbox);
    expect(audience).toBe('person ada');
    const [shown] = await outbox.about('approval', 3);
    await outbox.want(defined(shown), '"first"', { priority: 0, live: false });
    expect(await outbox.due('T1', false, 10)).toHaveLength(1);
    await outbox.want(defined(shown), '"second"', { priority: priorities.outcome, live: false });
    const due = await outbox.due('T1', false, 10);
    expect(due.map(({ wanted, ts }) => ({ wanted, ts }))).toEqual([
      { wanted: '"second"', ts: '1.1' },
      { wanted: '"first"', ts: undefined },
    ]);
  });

  test('does not call a content shown that came while an older one was sent', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    await outbox.add([message]);
    const taken = await onlyDue(outbox);
    await outbox.want(taken, '"second"', { priority: 0, live: false });
    await outbox.sent(taken, post);
    expect((await onlyDue(outbox)).wanted).toBe('"second"');
  });

  test('waits, moves to the next place, and ends with the last', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    await outbox.add([message]);
    await outbox.later(await onlyDue(outbox), 'internal_error', 5000);
    expect(await outbox.due('T1', false, 10)).toEqual([]);
    expect(await outbox.teams()).toEqual(['T1']);
    const later = createOutbox({ store: open.store, now: at(6) });
    const again = await onlyDue(later);
    expect(again).toMatchObject({ failures: 1, error: 'internal_error' });
    expect(await later.nextPlace(again, 'not_in_channel')).toBe(true);
    const moved = await onlyDue(later, 'T2');
    expect(moved).toMatchObject({ place: 1, team: 'T2' });
    expect(await later.nextPlace(moved, 'user_not_found')).toBe(false);
    await later.refuse(moved, 'user_not_found');
    expect(await later.teams()).toEqual([]);
  });

  test('sends a reply after its post, and none below a post that is refused', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    await outbox.add([message]);
    const parent = await onlyDue(outbox);
    await outbox.add([{ ...message, about: 'vote', thread: parent.id }]);
    expect((await onlyDue(outbox)).about).toBe('request');
    await outbox.sent(parent, post);
    expect(await onlyDue(outbox)).toMatchObject({ about: 'vote', thread: { channel: 'C1', ts: '1.1' } });
    await outbox.add([{ ...message, subject: 4 }]);
    const other = defined((await outbox.about('approval', 4))[0]);
    await outbox.add([{ ...message, subject: 4, about: 'vote', thread: other.id }]);
    await outbox.refuse(other, 'not_in_channel');
    const after = await outbox.about('approval', 4);
    expect(after.map(({ state }) => state)).toEqual(['refused', 'refused']);
  });

  test('adopts a post that is in no record, once, and keeps it true', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    await outbox.add([message]);
    await outbox.sent(await onlyDue(outbox), post);
    const key = { topic: 'approval', subject: 3, about: 'request' } as const;
    await outbox.adopt(key, post);
    for (let click = 0; click < 2; click++) await outbox.adopt(key, { ...post, ts: '1.2' });
    const [, copy] = await outbox.about('approval', 3);
    expect(await outbox.about('approval', 3)).toHaveLength(2);
    expect(await outbox.due('T1', false, 10)).toEqual([]);
    await outbox.want(defined(copy), '"first"', { priority: 0, live: false });
    expect(await onlyDue(outbox)).toMatchObject({ ts: '1.2', wanted: '"first"' });
  });

  test('mends a post that a click changed, a while later', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    await outbox.add([message]);
    await outbox.sent(await onlyDue(outbox), post);
    await outbox.touched('C1', '1.1', { topic: 'approval', subject: 3, about: 'request' }, 10_000);
    expect(await outbox.due('T1', false, 10)).toEqual([]);
    const later = createOutbox({ store: open.store, now: at(11) });
    expect((await onlyDue(later)).wanted).toBe('"first"');
  });

  test('has one sender for each workspace, until it says no more', async () => {
    await using open = await kind.open();
    const store = await open.again();
    const [first, second] = [createOutbox({ store: open.store, now: at(0) }), createOutbox({ store, now: at(0) })];
    expect(await Promise.all([first.claim('T1', 'a', 15_000), second.claim('T2', 'b', 15_000)])).toEqual([true, true]);
    expect(await second.claim('T1', 'b', 15_000)).toBe(false);
    expect(await first.claim('T1', 'a', 15_000)).toBe(true);
    expect(await createOutbox({ store, now: at(16) }).claim('T1', 'b', 15_000)).toBe(true);
    expect(await first.claim('T1', 'a', 15_000)).toBe(false);
    await second.release('b');
    expect(await first.claim('T1', 'a', 15_000)).toBe(true);
    await store[Symbol.asyncDispose]();
  });

  test('forgets what was sent 30 days ago, but nothing of a subject that is followed', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    const card = { ...message, topic: 'instance', about: 'card', live: true } as const;
    await outbox.add([message, card, { ...card, subject: 4, live: false }]);
    for (const { topic, subject } of [message, card, { ...card, subject: 4 }]) {
      const parent = defined((await outbox.about(topic, subject))[0]);
      await outbox.sent(parent, { ...post, ts: `${topic}.${subject}` });
      await outbox.add([{ ...message, topic, subject, about: 'word', thread: parent.id }]);
      await outbox.sent(defined((await outbox.about(topic, subject))[1]), { ...post, ts: `${topic}.${subject}.word` });
    }
    const left = async (): Promise<number[]> => {
      const all = await Promise.all([
        outbox.about('approval', 3),
        outbox.about('instance', 3),
        outbox.about('instance', 4),
      ]);
      return all.map(({ length }) => length);
    };
    await createOutbox({ store: open.store, now: at(29 * 86_400) }).prune();
    expect(await left()).toEqual([2, 2, 2]);
    await createOutbox({ store: open.store, now: at(31 * 86_400) }).prune();
    expect(await left()).toEqual([0, 2, 0]);
  });

  test('lists what follows its subject', async () => {
    await using open = await kind.open();
    const outbox = createOutbox({ store: open.store, now: at(0) });
    const card = { ...message, topic: 'instance', about: 'card', live: true } as const;
    await outbox.add([card, { ...card, subject: 4 }]);
    const [four] = await outbox.about('instance', 4);
    await outbox.want(defined(four), '"first"', { priority: 2, live: false });
    expect(await outbox.live('instance')).toEqual([3]);
  });
});
