import { roles } from '../../src/core/base/caller.ts';
import type { Role } from '../../src/core/base/caller.ts';
import { expect, test } from 'vitest';
import { instanceStates } from '../../src/core/instances/states.ts';
import { fail } from '../../src/core/base/errors.ts';
import { run, say } from '../../src/core/base/prose.ts';
import { slackMarkup, slackWords } from '../../src/slack/blocks/speaker.ts';
import { helpMessage, parseCommand, unknownMessage } from '../../src/slack/blocks/command-text.ts';
import { errorMessage } from '../../src/slack/blocks/error-text.ts';
import { goneMessage, instanceMessage, instancesMessage } from '../../src/slack/blocks/instance-blocks.ts';
import type { Instance, InstanceSummary } from '../../src/slack/blocks/instance-blocks.ts';
import { identityOf, strangerMessage, whoIs } from '../../src/slack/workspace/people.ts';
import { code, escape, shorten } from '../../src/slack/blocks/text.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';

const summary: InstanceSummary = {
  id: 3,
  model_id: 'tiny:3',
  model: 'tiny',
  category: 'chat',
  state: 'running',
  regions: ['local'],
  replicas: 1,
  ready: 1,
  owner: 'alice',
  created_at: '2026-01-01T00:00:00Z',
};

const instance: Instance = {
  ...summary,
  regions: [{ region: 'local', state: 'running', replicas: 1, ready: 1, restarts: 0 }],
  runtime: 'llama.cpp',
  arguments: [],
  private: false,
  url: 'http://127.0.0.1:7420/v1',
};

const loud = '<!channel> & <@U1> `x`'.repeat(50);

test('a running instance says how to call it', () => {
  const { text, blocks } = instanceMessage(instance);
  expect(text).toBe('tiny:3 is running (1/1 ready)');
  expect(JSON.stringify(blocks)).toContain('Call it with model `tiny:3` at `http://127.0.0.1:7420/v1`');
});

test('a download shows its bar, rate and time left', () => {
  const progress = { done: 50_000_000, total: 100_000_000, rate: 10_000_000, seconds_left: 5 };
  const regions = [{ region: 'local', state: 'downloading' as const, replicas: 1, ready: 0, restarts: 0, progress }];
  const shown = JSON.stringify(instanceMessage({ ...instance, state: 'downloading', ready: 0, regions }).blocks);
  expect(shown).toContain('`[######------] 50 %  50 MB of 100 MB  10 MB/s  5 s left`');
  expect(shown).not.toContain('Call it');
});

test('messages stay inside the limits in every state, with as much text as there can be', () => {
  const region = { region: loud, replicas: 100, ready: 0, restarts: 9, reason: { code: 'x', message: loud.repeat(9) } };
  for (const state of instanceStates) {
    const many = {
      ...instance,
      state,
      owner: loud,
      runtime: loud,
      regions: Array.from({ length: 20 }, () => ({ ...region, state })),
    };
    expect({ state, breaches: breachesOfMessage(instanceMessage(many)) }).toEqual({ state, breaches: [] });
  }
  const list = Array.from({ length: 20 }, () => ({ ...summary, owner: loud.slice(0, 100), regions: [loud, loud] }));
  expect(breachesOfMessage(instancesMessage(list, true, new Date()))).toEqual([]);
  for (const message of [
    instancesMessage([], false, new Date()),
    goneMessage(3),
    ...roles.map(helpMessage),
    unknownMessage(loud, 'admin'),
  ]) {
    expect(breachesOfMessage(message)).toEqual([]);
  }
  const error = fail('bad_field', loud, { nextStep: loud, validValues: Array<string>(99).fill(loud) });
  expect(breachesOfMessage(errorMessage(error))).toEqual([]);
});

test('text from outside can neither ping a channel nor end its code span nor hide its end', () => {
  expect(escape('<!channel> & \u202Ecod\u0007e')).toBe('&lt;!channel&gt; &amp; code');
  expect(code('a`b')).toBe('`aˋb`');
  expect(shorten('abc&amp;def', 6)).toBe('abc…');
});

test('the nearest command is named for one that does not exist', () => {
  expect(parseCommand('  LAUNCH  tiny ')).toMatchObject({ subcommand: { name: 'launch' }, rest: 'tiny' });
  expect(parseCommand('')).toMatchObject({ subcommand: { name: 'help' } });
  expect(parseCommand('lanch').subcommand).toBeUndefined();
  expect(unknownMessage('lanch', 'member').text).toContain('Did you mean `/ecolink launch`?');
  for (const far of ['zzzz', 'x', 'deployment', 'zz'])
    expect(unknownMessage(far, 'admin').text).toBe(`There is no \`/ecolink ${far}\`.`);
  // A viewer may not launch, so nothing near is left.
  expect(unknownMessage('lanch', 'viewer').text).not.toContain('Did you mean');
});

test('operations that a sentence names become what can be typed', () => {
  const input = { instance: 3 };
  const text = say`Follow it with ${run('get_instance', input)}, or ${run('stop_instance', input)}. <b> plan_digest`;
  expect(slackMarkup(text)).toBe('Follow it with `/ecolink status 3`, or `/ecolink stop 3`. &lt;b&gt; plan_digest');
  expect(slackWords(text)).toBe('Follow it with /ecolink status 3, or /ecolink stop 3. <b> plan_digest');
});

test('marks around words, and other names of subcommands, are understood', () => {
  expect(parseCommand('*launch* _tiny_ `2xh100`')).toMatchObject({
    subcommand: { name: 'launch' },
    rest: 'tiny 2xh100',
  });
  expect(parseCommand('~STOP~ `tiny_v2:3`')).toMatchObject({ subcommand: { name: 'stop' }, rest: 'tiny_v2:3' });
  for (const alias of ['ls', 'ps']) expect(parseCommand(alias)).toMatchObject({ subcommand: { name: 'instances' } });
});

test('the help has what a role may do, and nothing else', () => {
  const shown = (role: Role) => JSON.stringify(helpMessage(role).blocks);
  expect(shown('viewer')).toContain('`models [name]`');
  for (const word of ['launch', 'register', 'stop', 'people', 'claim'])
    expect(shown('viewer')).not.toContain(`\`${word}`);
  for (const word of ['launch', 'register', 'stop']) expect(shown('member')).toContain(`\`${word}`);
  for (const word of ['people', 'role', 'doctor']) {
    expect(shown('approver')).not.toContain(`\`${word}`);
    expect(shown('admin')).toContain(`\`${word}`);
  }
});

const all = { admitsWorkspace: () => true };

test('bots and people of another workspace or organisation are nobody', () => {
  const home = { team: 'T1' };
  expect(whoIs({ user_id: 'U1', team_id: 'T1' }, all, home)).toEqual({ team: 'T1', user: 'U1' });
  expect(whoIs({ user: { id: 'U1', team_id: 'T2' }, team: { id: 'T1' } }, all, home)).toBeUndefined();
  expect(whoIs({ user_id: 'U1', team_id: 'T1', bot_id: 'B1' }, all, home)).toBeUndefined();
  expect(whoIs({ user_id: 'USLACKBOT', team_id: 'T1' }, all, home)).toBeUndefined();
  const grid = { team: 'T1', enterprise: 'E1' };
  expect(whoIs({ user_id: 'U1', team_id: 'T9', enterprise_id: 'E2' }, all, grid)).toBeUndefined();
  // Of another organisation, in a channel of this one.
  const guest = { user: { id: 'U1', team_id: 'E2' }, team: { id: 'T1' }, enterprise: { id: 'E1' } };
  expect(whoIs(guest, all, grid)).toBeUndefined();
});

test('where workspaces install the app, their own must be listed, whatever channel they are in', () => {
  const listed = { admitsWorkspace: ({ team }: { team?: string | undefined }) => team === 'T1' || team === 'T2' };
  const inChannelOfT1 = (own: string) => ({ user: { id: 'U1', team_id: own }, team: { id: 'T1' } });
  expect(whoIs(inChannelOfT1('T2'), listed, undefined)).toEqual({ team: 'T2', user: 'U1' });
  expect(whoIs(inChannelOfT1('T66'), listed, undefined)).toBeUndefined();
  expect(whoIs({ user_id: 'U1', team_id: 'T66' }, listed, undefined)).toBeUndefined();
});

test('on Enterprise Grid a user is known by the organisation, from any of its workspaces', () => {
  const grid = { team: 'T1', enterprise: 'E1' };
  const who = whoIs({ user_id: 'U1', team_id: 'T9', enterprise_id: 'E1' }, all, grid);
  expect(who && identityOf(who)).toBe('slack:E1/U1');
  // Where the app is installed in one workspace of the organisation, a click says it elsewhere.
  const click = { user: { id: 'U1', team_id: 'T1' }, team: { id: 'T1', enterprise_id: 'E1' }, enterprise: null };
  const clicking = whoIs(click, all, grid);
  expect(clicking && identityOf(clicking)).toBe('slack:E1/U1');
});

test('a stranger reads who can add them and under which identity', async () => {
  const admins = (...names: string[]) => ({
    membersOf: async () => names.map((name) => ({ id: name, name, role: 'admin' as const })),
  });
  const { text } = await strangerMessage(admins('Ada', 'Grace'), { team: 'T1', user: 'U9' });
  expect(text).toContain('Ask Ada or Grace for a role: an admin types `/ecolink role @you member` here');
  expect(text).toContain('`slack:T1/U9`');
  expect((await strangerMessage(admins(), { team: 'T1', user: 'U9' })).text).toContain('whoever runs this');
});
