import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { onModelOptions, tryAgain } from '../../src/slack/launch/model-options.ts';
import type { LastLists } from '../../src/slack/launch/model-options.ts';
import type { SlackDeps } from '../../src/slack/workspace/dependencies.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const models = ['llama', 'qwen'].map((name) => ({ name, category: 'chat', bytes: 5e9, origin: `acme/${name}` }));

/** A core that answers, hangs or has forgotten the person. Only what the menu asks for. */
function depsWith(answer: 'list' | 'never' | 'nobody'): SlackDeps {
  const access = {
    admitsWorkspace: () => true,
    personOfSlack: async () => (answer === 'nobody' ? undefined : { id: 'p', name: 'ada', role: 'member' }),
  };
  const execute = () => (answer === 'list' ? Promise.resolve({ items: models }) : new Promise(() => {}));
  return { core: { access, execute, log: { warn: () => {} } }, bots: { home: { team: 'T1' } } } as never;
}

async function menu(deps: SlackDeps, lists: LastLists, typed = '', user = 'U1'): Promise<string[]> {
  let acknowledged: { options: { value: string }[] } = { options: [] };
  const ack = async (answer: typeof acknowledged) => void (acknowledged = answer);
  const body = { user: { id: user, team_id: 'T1' }, team: { id: 'T1' } };
  const done = onModelOptions(deps, lists, { ack, body, payload: { value: typed } } as never);
  await vi.advanceTimersByTimeAsync(950);
  await done;
  return acknowledged.options.map(({ value }) => value);
}

test('a list that hangs is replaced within a second by the last one that this person was allowed to see', async () => {
  const lists: LastLists = new Map();
  expect(await menu(depsWith('list'), lists)).toEqual(['llama', 'qwen']);
  expect(await menu(depsWith('never'), lists, 'QW')).toEqual(['qwen']);
  // Somebody else has no last list.
  expect(await menu(depsWith('never'), lists, '', 'U2')).toEqual([tryAgain]);
});

test('somebody who lost their role sees nothing, and their last list is forgotten', async () => {
  const lists: LastLists = new Map();
  await menu(depsWith('list'), lists);
  expect(await menu(depsWith('nobody'), lists)).toEqual([]);
  expect(await menu(depsWith('never'), lists)).toEqual([tryAgain]);
});
