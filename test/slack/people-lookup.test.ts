import { expect, test } from 'vitest';
import { createSlackLookup, getsSomething } from '../../src/slack/lookup.ts';
import type { SlackAccountInfo, SlackSource } from '../../src/slack/lookup.ts';

const minutes = 60_000;

/** Slack as it would answer, and how often it was asked. */
function slack() {
  const state = {
    asked: 0,
    accounts: {} as Record<string, SlackAccountInfo | undefined>,
    groups: {} as Record<string, string[] | undefined>,
    down: false,
    time: 0,
  };
  const answer = async <T>(value: T): Promise<T> => {
    state.asked += 1;
    if (state.down) throw new Error('Slack does not answer');
    return value;
  };
  const source: SlackSource = {
    account: (user) => answer(state.accounts[user]),
    members: (group) => answer(state.groups[group]),
  };
  return { state, lookup: createSlackLookup('T1', source, () => state.time) };
}

test.each([
  [{}, true],
  [{ deleted: false, is_bot: false }, true],
  [{ deleted: true }, false],
  [{ is_bot: true }, false],
  [{ is_restricted: true }, false],
  [{ is_ultra_restricted: true }, false],
])('an account with %j gets something: %s', (account, something) => {
  expect(getsSomething(account)).toBe(something);
});

test('who is deactivated works on for five minutes at most, and Slack is asked once in that time', async () => {
  const { state, lookup } = slack();
  state.accounts['U1'] = {};
  expect(await Promise.all([lookup.active('slack:T1/U1'), lookup.active('slack:T1/U1')])).toEqual([true, true]);
  state.accounts['U1'] = { deleted: true };
  state.time = 5 * minutes - 1;
  expect(await lookup.active('slack:T1/U1')).toBe(true);
  expect(state.asked).toBe(1);
  state.time = 5 * minutes;
  expect(await lookup.active('slack:T1/U1')).toBe(false);
});

test('what Slack cannot say is unknown, and asked again the next time', async () => {
  const { state, lookup } = slack();
  state.down = true;
  expect([await lookup.active('slack:T1/U1'), await lookup.members('T1/S1')]).toEqual([undefined, undefined]);
  state.down = false;
  state.accounts['U1'] = {};
  state.groups['S1'] = ['U1', 'U2'];
  expect(await lookup.active('slack:T1/U1')).toBe(true);
  expect(await lookup.members('T1/S1')).toEqual(['slack:T1/U1', 'slack:T1/U2']);
});

test('nothing is said of people and groups elsewhere, nor is Slack asked', async () => {
  const { state, lookup } = slack();
  expect([await lookup.active('slack:T2/U1'), await lookup.active('local')]).toEqual([undefined, undefined]);
  expect(await lookup.members('T11/S1')).toBeUndefined();
  expect(state.asked).toBe(0);
});
