import { describe, expect, test } from 'vitest';
import { tellOnce } from '../../../src/core/notify/notify-once.ts';
import { stores } from '../../support/stores.ts';

const notice = { kind: 'approval', subject: 3, about: 'asked' } as const;
const at = (seconds: number) => () => new Date(Date.UTC(2026, 10, 25) + seconds * 1000);

describe.each(stores())('a notice in $name', (kind) => {
  test('is sent once, even if many servers try at once', async () => {
    await using open = await kind.open();
    const second = await open.again();
    let told = 0;
    const tell = async (): Promise<void> => void (told += 1);
    const servers = [open.store, second, open.store, second].map((store) => ({ store, now: at(0) }));
    const ends = await Promise.all(servers.map((server) => tellOnce(server, notice, tell)));
    expect(ends).toContain(true);
    expect(await tellOnce({ store: second, now: at(86_400) }, notice, tell)).toBe(true);
    expect(told).toBe(1);
    expect(await tellOnce({ store: second, now: at(0) }, { ...notice, about: 'ended' }, tell)).toBe(true);
    expect(told).toBe(2);
    await second[Symbol.asyncDispose]();
  });

  test('that could not be sent is sent a minute later by any server', async () => {
    await using open = await kind.open();
    const { store } = open;
    const failing = tellOnce({ store, now: at(0) }, notice, () => Promise.reject(new Error('away')));
    await expect(failing).rejects.toThrow('away');
    expect(await tellOnce({ store, now: at(59) }, notice, async () => {})).toBe(false);
    expect(await tellOnce({ store, now: at(61) }, notice, async () => {})).toBe(true);
  });
});
