import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { approveId, denyId, reasonField, reasonFormId } from '../../src/slack/blocks/approval-blocks.ts';
import { createCards } from '../../src/slack/messages/cards.ts';
import { defaultPace } from '../../src/slack/outbox/budget.ts';
import type { CloudMessage, Fault } from '../support/slack-cloud.ts';
import { capturedLog } from '../support/captured-log.ts';
import { defined } from '../support/defined.ts';
import { outboxPlace, people } from './outbox-place.ts';
import type { OutboxPlace } from './outbox-place.ts';

const patient = { timeout: 20_000 };

let slack: OutboxPlace;
beforeEach(async () => {
  slack = await outboxPlace();
});
afterEach(() => slack[Symbol.asyncDispose]());

const ask = (more: object = {}) => slack.place.core.execute('launch_instance', { model: 'tiny', ...more }, slack.max);
const inChannel = (channel: string): CloudMessage[] =>
  slack.cloud.messages.filter((message) => message.channel === channel && message.thread === undefined);
const withButtons = ({ blocks }: CloudMessage): boolean => blocks.includes(approveId);
const byName = (a: string, b: string): number => (a < b ? -1 : 1);
const cards = (): CloudMessage[] => slack.cloud.messages.filter(({ text }) => text.startsWith('tiny:1 is'));

describe('a transient error loses nothing', () => {
  const faults: [string, Fault][] = [
    ['internal_error', { error: 'internal_error' }],
    ['an error that no page names', { error: 'something_new' }],
    ['HTTP 500', { status: 500 }],
    ['HTTP 429', { retryAfter: 1 }],
  ];

  test.each(faults)('%s on a post: the request is announced all the same, once', async (_name, fault) => {
    slack.cloud.faults.set('chat.postMessage', [fault, fault]);
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    expect(slack.cloud.faults.get('chat.postMessage')).toEqual([]);
  });

  test.each(faults)('%s on an update: the buttons go', async (_name, fault) => {
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    slack.cloud.faults.set('chat.update', [fault, fault]);
    await slack.place.core.execute('deny_request', { approval: '1', reason: 'no' }, slack.uma);
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(0);
    expect(slack.cloud.faults.get('chat.update')).toEqual([]);
  });

  test('a restart in the middle: the next server sends what is left', async () => {
    slack.cloud.broken.set('chat.postMessage', 'internal_error');
    const close = await slack.connect();
    await ask();
    await expect.poll(() => slack.cloud.callsOf('chat.postMessage').length, patient).toBeGreaterThan(0);
    await close();
    slack.cloud.broken.clear();
    await slack.connect();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
  });

  test('a call about progress that hangs holds up no decision', async () => {
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    await slack.place.core.outbox.add([
      {
        topic: 'instance',
        subject: 9,
        about: 'card',
        audience: 'channel',
        places: [{ team: 'T1', to: 'C9' }],
        priority: 3,
        wanted: JSON.stringify({ text: 'slow', blocks: [] }),
      },
    ]);
    slack.cloud.faults.set('chat.postMessage', [{ hangs: true }]);
    await expect.poll(() => slack.cloud.faults.get('chat.postMessage'), patient).toEqual([]);
    await slack.place.core.execute('deny_request', { approval: '1', reason: 'no' }, slack.uma);
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(0);
    expect(slack.cloud.messages.map(({ text }) => text)).not.toContain('slow');
  });
});

test('a post whose answer is lost has a twin: a click on the unrecorded one adopts it, and both are kept true', async () => {
  slack.cloud.faults.set('chat.postMessage', [{ loses: true }]);
  await slack.connect();
  await ask();
  await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(2);
  const [lost, twin] = inChannel('C1');
  await slack.click(defined(lost), 'approval.details');
  const recorded = async () => (await slack.place.core.outbox.about('approval', 1)).map(({ ts }) => ts);
  await expect.poll(recorded, patient).toEqual(expect.arrayContaining([lost?.ts, twin?.ts]));
  await slack.place.core.execute('deny_request', { approval: '1', reason: 'no' }, slack.uma);
  await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(0);
  for (const message of inChannel('C1')) expect(message.blocks).toContain('*denied*');
});

describe('a channel in which the bot cannot write', () => {
  const many = Array.from({ length: 12 }, (_, at) => ({
    name: `approver-${at}`,
    role: 'approver',
    identities: [`slack:T1/UAPP${at}`],
  }));

  test.each(['not_in_channel', 'channel_not_found', 'is_archived'])(
    '%s: ten approvers are asked directly, and one admin is told once',
    async (error) => {
      await slack[Symbol.asyncDispose]();
      slack = await outboxPlace({ people: [...people, ...many] });
      slack.workspace.refuses = { C1: error };
      await slack.connect();
      await ask();
      await ask({ replicas: 2 });
      const asked = () => new Set(slack.cloud.messages.filter(withButtons).map(({ channel }) => channel));
      await expect.poll(() => slack.cloud.messages.filter(withButtons), patient).toHaveLength(20);
      expect(asked().size).toBe(10);
      const told = slack.cloud.messages.filter(({ text }) => text.startsWith('I cannot write in <#C1>'));
      await expect.poll(() => told.map(({ channel }) => channel), patient).toEqual(['DUADA']);
    },
  );

  test('those who decided last are asked first', async () => {
    await slack[Symbol.asyncDispose]();
    slack = await outboxPlace({ people: [...many, ...people] });
    await ask();
    await slack.place.core.execute('deny_request', { approval: '1', reason: 'no' }, slack.uma);
    slack.workspace.refuses = { C1: 'not_in_channel' };
    await slack.connect();
    await ask({ replicas: 2 });
    await expect.poll(() => slack.cloud.messages.filter(withButtons), patient).toHaveLength(10);
    expect(slack.cloud.messages.filter(withButtons).map(({ channel }) => channel)).toContain('DUUMA');
  });

  test('an approver without an account there loses no other approver their message', async () => {
    slack.workspace.refuses = { C1: 'not_in_channel', UUMA: 'user_not_found' };
    await slack.connect();
    await ask();
    await expect
      .poll(() => slack.cloud.messages.filter(withButtons).map(({ channel }) => channel), patient)
      .toEqual(['DUADA']);
  });
});

describe('an installation with older scopes', () => {
  test('works: without chat:write.public it writes in channels that it was invited to, and asks people else', async () => {
    slack.workspace.joined = ['C1'];
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    slack.workspace.joined = [];
    await ask({ replicas: 2 });
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(2);
    slack.workspace.scopes = ['chat:write', 'commands', 'usergroups:read', 'users:read'];
    await ask({ replicas: 3 });
    const asked = () => slack.cloud.messages.filter(withButtons).map(({ channel }) => channel);
    await expect.poll(() => asked().toSorted(byName), patient).toEqual(['C1', 'C1', 'DUADA', 'DUUMA']);
  });

  test('says at its start what is off', async () => {
    await slack[Symbol.asyncDispose]();
    const log = capturedLog();
    slack = await outboxPlace({}, log.log);
    slack.workspace.scopes = ['chat:write', 'commands', 'users:read'];
    await slack.connect();
    for (const scope of ['chat:write.public', 'im:history', 'usergroups:read']) expect(log.text()).toContain(scope);
    expect(log.text()).not.toContain('"scope":"users:read"');
  });
});

describe('what is private', () => {
  test('is asked for in direct messages only, and says that it is private', async () => {
    await slack.connect();
    await ask({ private: true });
    await expect.poll(() => slack.cloud.messages.filter(withButtons), patient).toHaveLength(2);
    for (const message of slack.cloud.messages) {
      expect(message.channel).toMatch(/^D/);
      expect(message.text).toContain('private');
      expect(message.blocks).toContain('Only its owner and admins see it');
    }
  });

  test('has its card in a direct message to its owner, whatever channel is wanted, and leaves a channel', async () => {
    await slack[Symbol.asyncDispose]();
    slack = await outboxPlace({ policy: [] });
    const { core } = slack.place;
    await ask({ private: true });
    await ask();
    await slack.connect();
    const deps = { core, bots: { home: { team: 'T1' }, of: async () => undefined, organisations: async () => [] } };
    const live = createCards({ ...deps, pace: defaultPace, wake: () => {} });
    const destination = { user: 'UMAX', at: { team: 'T1' }, channel: 'C1' };
    for (const instance of [1, 2]) await live.follow(instance, slack.max, destination);
    const cardsOf = (id: number) => slack.cloud.messages.filter(({ text }) => text.startsWith(`tiny:${id} is`));
    await expect.poll(() => cardsOf(1).map(({ channel }) => channel), patient).toEqual(['DUMAX']);
    await expect.poll(() => cardsOf(2).map(({ channel }) => channel), patient).toEqual(['C1']);
    // A restart with a private model makes an instance private.
    const database = new Sqlite(join(slack.place.dataDir, 'ecolink.db'), { timeout: 5000 });
    database.exec('update instances set private = 1 where id = 2');
    database.close();
    await live.follow(2, slack.max, destination);
    await expect.poll(() => cardsOf(2).map(({ channel }) => channel), patient).toEqual(['DUMAX']);
    expect(inChannel('C1').map(({ text }) => text)).toEqual([expect.stringContaining('is private now')]);
    await live.close();
  });
});

describe('a click', () => {
  test('shows at once that it was heard, and ends in the outcome', async () => {
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    await slack.click(defined(inChannel('C1')[0]), approveId);
    await expect.poll(() => slack.cloud.answers.length, patient).toBeGreaterThanOrEqual(2);
    const [heard = '', after = ''] = slack.cloud.answers;
    expect(heard).toContain('<@UUMA> clicked');
    expect(heard).toContain('"replace_original":true');
    expect(heard).not.toContain(approveId);
    expect(after).toContain('approved');
  });

  test('that does not count leaves the buttons, and says why to the one who clicked', async () => {
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    await slack.click(defined(inChannel('C1')[0]), approveId, 'UMAX');
    await expect.poll(() => slack.cloud.answers.at(-1), patient).toContain('Nobody decides on their own request');
    expect(slack.cloud.answers.at(-1)).toContain('"response_type":"ephemeral"');
    const replaced = slack.cloud.answers.filter((answer) => answer.includes('"replace_original":true'));
    expect(replaced.at(-1)).toContain(approveId);
  });

  test('on Deny opens the form while Slack still hangs about the person', async () => {
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    await slack.addVic();
    slack.cloud.faults.set('users.info', [{ hangs: true }]);
    await slack.click(defined(inChannel('C1')[0]), denyId, 'UVIC');
    await expect.poll(() => slack.cloud.callsOf('views.open'), patient).toMatchObject([{ hanging: 1 }]);
    expect(slack.cloud.acks.filter((ms) => ms > 3000)).toEqual([]);
  });

  test('with a reason is acknowledged while Slack hangs about the person, and the form shows the outcome', async () => {
    await slack.connect();
    await ask();
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(1);
    await slack.addVic();
    slack.cloud.faults.set('users.info', [{ hangs: true }]);
    const view = { id: 'V1', type: 'modal', callback_id: reasonFormId, title: { type: 'plain_text', text: 'Deny' } };
    const values = { [reasonField]: { field: { type: 'plain_text_input', value: 'no' } } };
    const metadata = JSON.stringify({ id: '1', operation: 'deny_request' });
    const answer = await slack.interact({
      type: 'view_submission',
      user: { id: 'UVIC', team_id: 'T1' },
      team: { id: 'T1' },
      view: { ...view, private_metadata: metadata, blocks: [], state: { values } },
    });
    expect(await answer.text()).toContain('EcoLink works on it');
    const outcome = () => slack.cloud.callsOf('views.update').map(({ arguments: given }) => given['view']);
    await expect.poll(outcome, patient).toEqual([expect.stringContaining('It is decided')]);
    await expect.poll(() => inChannel('C1').filter(withButtons), patient).toHaveLength(0);
  });
});

test('a card that was shown before a restart is kept true after it, until its instance is stopped', async () => {
  await slack[Symbol.asyncDispose]();
  slack = await outboxPlace({ policy: [] });
  const { core } = slack.place;
  await ask();
  const close = await slack.connect();
  const { max } = slack;
  // The app follows what is launched from Slack. Here the launch came first.
  await core.outbox.add([
    {
      topic: 'instance',
      subject: 1,
      about: 'card',
      audience: 'channel',
      places: [{ team: 'T1', to: 'C1' }],
      priority: 2,
      wanted: JSON.stringify({ text: 'old', blocks: [] }),
      live: true,
    },
  ]);
  await expect.poll(cards, patient).toHaveLength(1);
  await close();
  await core.execute('stop_instance', { instance: '1' }, { ...max, source: 'http' });
  await slack.connect();
  await expect.poll(() => cards()[0]?.text, patient).toMatch(/^tiny:1 is stop/);
});
