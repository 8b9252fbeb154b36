import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLog } from '../../src/core/base/log.ts';
import { oneBot } from '../../src/slack/connect/bots.ts';
import { boltLogger } from '../../src/slack/connect/logger.ts';
import { createSlackLookup, getsSomething } from '../../src/slack/workspace/lookup.ts';
import { capturedLog } from '../support/captured-log.ts';
import { stores } from '../support/stores.ts';
import { SlackCloud } from '../support/slack-cloud.ts';
import { openPeople } from '../core/access/people-place.ts';
import { startInstallable } from './cloud-place.ts';

const minutes = 60_000;
const silent = createLog({ level: 'silent', pretty: false });

test.each([
  [{}, true],
  [{ deleted: false, is_bot: false, is_stranger: false }, true],
  [{ deleted: true }, false],
  [{ is_bot: true }, false],
  [{ is_restricted: true }, false],
  [{ is_ultra_restricted: true }, false],
  [{ is_stranger: true }, false],
  [{ team_id: 'T1' }, true],
  [{ team_id: 'T2' }, false],
  // Of another organisation, as shared channels bring them.
  [{ team_id: 'T2', enterprise_user: { enterprise_id: 'E2' } }, false],
])('an account with %j gets something from a workspace: %s', (account, something) => {
  expect(getsSomething(account, { team: 'T1' })).toBe(something);
});

test.each([
  [{ team_id: 'T9', enterprise_user: { enterprise_id: 'E1' } }, true],
  [{ team_id: 'E1' }, true],
  [{ team_id: 'T9', enterprise_user: { enterprise_id: 'E2' } }, false],
  [{ team_id: 'T9' }, false],
  [{ team_id: 'T9', enterprise_user: { enterprise_id: 'E1' }, is_restricted: true }, false],
])('an account with %j gets something from an organisation: %s', (account, something) => {
  expect(getsSomething(account, { team: 'T1', enterprise: 'E1' })).toBe(something);
  expect(getsSomething(account, { enterprise: 'E1' })).toBe(something);
});

describe('what Slack says', () => {
  let cloud: SlackCloud;
  let token: string;
  beforeEach(async () => {
    cloud = await SlackCloud.start();
    ({ token } = cloud.admit(slackOf));
  });
  afterEach(() => cloud[Symbol.asyncDispose]());

  const slackOf = { team: 'T1', users: {} as Record<string, object>, groups: {} as Record<string, string[]> };
  const clock = { time: 0 };
  const asked = () => cloud.calls.length;

  function lookUp(log = silent) {
    clock.time = 0;
    const options = { slackApiUrl: cloud.apiUrl, logger: boltLogger(log) };
    return createSlackLookup(oneBot({ team: 'T1' }, token, options), log, () => clock.time);
  }

  test('of somebody who is deactivated counts after five minutes at most, and Slack is asked once in that time', async () => {
    const lookup = lookUp();
    slackOf.users = { U1: { team_id: 'T1' } };
    expect(await Promise.all([lookup.active('slack:T1/U1'), lookup.active('slack:T1/U1')])).toEqual([true, true]);
    slackOf.users = { U1: { team_id: 'T1', deleted: true } };
    clock.time = 5 * minutes - 1;
    expect(await lookup.active('slack:T1/U1')).toBe(true);
    expect(asked()).toBe(1);
    clock.time = 5 * minutes;
    expect(await lookup.active('slack:T1/U1')).toBe(false);
  });

  test('of somebody who is deactivated ends their role, tokens and agents after five minutes at most', async () => {
    const sqlite = stores()[0] ?? expect.fail('There is a store');
    await using place = await openPeople(sqlite, 'people: [{name: Bob, role: admin, identities: ["slack:T1/U1"]}]\n');
    const { access } = place;
    access.lookUpGroupsWith(lookUp());
    slackOf.users = { U1: { team_id: 'T1' } };
    const bob = (await access.personOfSlack('T1', 'U1')) ?? expect.fail('Bob is active');
    const own = await access.createToken(bob, 'own', ['operate'], { mayDecide: true });
    const agent = await access.createToken(bob, 'agent', ['operate'], { agent: true });
    const roles = async () => [
      (await access.personOfSlack('T1', 'U1'))?.role,
      (await access.callerOfToken(own.token, 'http'))?.person.role,
      (await access.callerOfToken(agent.token, 'mcp'))?.person.role,
    ];
    expect(await roles()).toEqual(['admin', 'admin', 'admin']);
    slackOf.users = { U1: { team_id: 'T1', deleted: true } };
    clock.time = 5 * minutes;
    expect(await roles()).toEqual([undefined, undefined, undefined]);
    cloud.broken.set('users.info', 'internal_error');
    clock.time = 11 * minutes;
    expect(await roles()).toEqual([undefined, undefined, undefined]);
    cloud.broken.clear();
  });

  test.each(['user_not_found', 'user_not_visible'])(
    '%s ends the role of an account that the config lists',
    async (error) => {
      const lookup = lookUp();
      cloud.broken.set('users.info', error);
      expect(await lookup.active('slack:T1/U1')).toBe(false);
      cloud.broken.clear();
    },
  );

  test('when it says nothing is unknown, logged, not asked again at once, and asked again soon', async () => {
    const log = capturedLog();
    const lookup = lookUp(log.log);
    cloud.broken.set('users.info', 'missing_scope').set('usergroups.users.list', 'missing_scope');
    const both = async () => [await lookup.active('slack:T1/U1'), await lookup.members('T1/S1')];
    expect(await both()).toEqual([undefined, undefined]);
    expect(await both()).toEqual([undefined, undefined]);
    expect(asked()).toBe(2);
    expect(log.text()).toContain('missing_scope');
    expect(log.text()).not.toContain(token);
    cloud.broken.clear();
    slackOf.users = { U1: {} };
    slackOf.groups = { S1: ['U1', 'U2'] };
    clock.time = 10_000;
    expect(await both()).toEqual([true, ['slack:T1/U1', 'slack:T1/U2']]);
  });

  test('is not asked of people and groups elsewhere', async () => {
    const lookup = lookUp();
    expect([await lookup.active('slack:T2/U1'), await lookup.active('local')]).toEqual([undefined, undefined]);
    expect(await lookup.members('T11/S1')).toBeUndefined();
    expect(asked()).toBe(0);
  });
});

describe('in Slack', () => {
  const guest = { team_id: 'T1', is_restricted: true };
  const place = {
    team: 'T1',
    users: { UADA: { team_id: 'T1' }, UGUEST: guest, UGROUP: { team_id: 'T1' } } as Record<string, object>,
    groups: { S1: ['UGROUP', 'UGUEST'] } as Record<string, string[]>,
  };
  const organisation = {
    enterprise: 'E3',
    users: { UCLEO: { team_id: 'T9', enterprise_user: { enterprise_id: 'E3' } }, UALIEN: { team_id: 'T66' } },
    groups: { S9: ['UCLEO'] },
  };
  const config = {
    people: [
      { name: 'ada', role: 'admin', identities: ['local', 'slack:T1/UADA'] },
      { name: 'guest', role: 'admin', identities: ['slack:T1/UGUEST'] },
      { name: 'alien', role: 'admin', identities: ['slack:E3/UALIEN'] },
    ],
    groups: [
      { name: 'ops', role: 'approver', slack: 'T1/S1' },
      { name: 'grid', role: 'member', slack: 'T9/S9' },
    ],
    slack: { workspaces: ['T1'], organisations: ['E3'] },
  };

  test('members of a group have its role, guests and people of elsewhere have none, whatever the config says', async () => {
    await using running = await startInstallable({ config });
    await running.install({}, running.cloud.agree(place));
    await running.install({}, running.cloud.agree(organisation));
    const { access } = running.place.core;
    expect(await access.personOfSlack('T1', 'UADA')).toMatchObject({ role: 'admin' });
    expect(await access.personOfSlack('T1', 'UGROUP')).toMatchObject({ role: 'approver' });
    expect(await access.personOfSlack('E3', 'UCLEO')).toMatchObject({ role: 'member' });
    expect(await access.personOfSlack('T1', 'UGUEST')).toBeUndefined();
    expect(await access.personOfSlack('E3', 'UALIEN')).toBeUndefined();
    // The organisation's token asks for a group of one of its workspaces, and has to say of which.
    expect(running.cloud.callsOf('usergroups.users.list').map(({ arguments: given }) => given['team_id'])).toContain(
      'T9',
    );
  });

  test('whoever is deactivated loses role, tokens and agents within five minutes', async () => {
    await using running = await startInstallable({ config });
    const leaving = { team: 'T1', users: { UADA: { team_id: 'T1' } } as Record<string, object> };
    await running.install({}, running.cloud.agree(leaving));
    const { access } = running.place.core;
    const ada = (await access.personOfSlack('T1', 'UADA')) ?? expect.fail('ada has a role');
    const own = await access.createToken(ada, 'own', ['read']);
    const agent = await access.createToken(ada, 'agent', ['read'], { agent: true });
    const tokens = () => Promise.all([own, agent].map(({ token }) => access.callerOfToken(token, 'http')));
    expect(await tokens()).toMatchObject([{ person: ada }, { person: ada }]);
    leaving.users = { UADA: { team_id: 'T1', deleted: true } };
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5 * minutes });
    onTestFinished(() => void vi.useRealTimers());
    expect(await tokens()).toEqual([undefined, undefined]);
    expect(await access.personOfSlack('T1', 'UADA')).toBeUndefined();
  });

  test('a group that Slack does not tell of gives nothing', async () => {
    await using running = await startInstallable({ config });
    await running.install({}, running.cloud.agree(place));
    running.cloud.broken.set('usergroups.users.list', 'missing_scope');
    expect(await running.place.core.access.personOfSlack('T1', 'UGROUP')).toBeUndefined();
    expect(await running.place.core.access.personOfSlack('T1', 'UADA')).toMatchObject({ role: 'admin' });
  });

  test('a guest gets nothing on a command, a click and a form', async () => {
    await using running = await startInstallable({ config });
    const { cloud } = running;
    await running.install({}, cloud.agree(place));
    await running.type('register', { user: 'UGUEST', team: 'T1' });
    await expect.poll(() => cloud.answers.join()).toContain('I do not know you');
    const about = { user: { id: 'UGUEST', team_id: 'T1' }, team: { id: 'T1' }, trigger_id: 'x' };
    const view = { id: 'V1', type: 'modal', callback_id: 'form.register_model', private_metadata: '{}', blocks: [] };
    const shown = { ...view, title: { type: 'plain_text', text: 'Register' }, state: { values: {} } };
    const sent = await running.interact({ ...about, type: 'view_submission', view: shown });
    expect(await sent.text()).toContain('I do not know you');
    const action = { type: 'button', action_id: 'approval.approve', block_id: 'b', value: '1' };
    const button = {
      ...about,
      type: 'block_actions',
      actions: [action],
      container: {},
      response_url: `${cloud.url}/answer`,
    };
    await running.interact(button);
    await expect.poll(() => cloud.answers).toHaveLength(2);
    expect(cloud.answers[1]).toContain('I do not know you');
    expect(cloud.callsOf('views.open')).toEqual([]);
    // Of a workspace that is not served: no word at all, in a channel of one that is.
    const foreign = { ...about, user: { id: 'UADA', team_id: 'T66' } };
    expect(await (await running.interact({ ...foreign, type: 'view_submission', view: shown })).text()).toBe('');
    await running.interact({ ...button, ...foreign });
    expect(cloud.answers).toHaveLength(2);
  });
});
