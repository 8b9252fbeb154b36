import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/base/caller.ts';
import type { InputOf } from '../../src/core/operations/catalogue.ts';
import { slackWords } from '../../src/slack/blocks/speaker.ts';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';
import { asking, config, shown } from './asking.ts';
import type { Place } from './place.ts';

const { alice, stranger } = workspace;
const pace = { perMessage: 100, overall: 20, atLeastEvery: 500 };

let place: Place;
let mel: Caller;
let root: Caller;
let apps: Slack[];
beforeEach(async () => {
  apps = [];
  ({ place, mel, root } = await asking({ config: { ...config, approvals: { break_glass: ['root'] } } }));
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await place[Symbol.asyncDispose]();
});

const connect = async (): Promise<Slack> => {
  const app = await startSlack(place.core, { pace });
  apps.push(app);
  return app;
};
const ask = (input: Partial<InputOf<'launch_instance'>> = {}, who = mel) =>
  place.core.execute('launch_instance', { model: 'tiny', ...input }, who);
const deny = () => place.core.execute('deny_request', { approval: '1', reason: 'no' }, root);
const textsTo = async (user: string) => (await place.slack.directMessages(user)).map(({ text }) => text);
const texts = async () => (await place.slack.messages()).map(({ text }) => text);

function meddle(statement: string): void {
  const database = new Sqlite(join(place.core.config.dataDir, 'ecolink.db'), { timeout: 5000 });
  database.exec(statement);
  database.close();
}

describe.skipIf(withoutLocalSlack)('people hear of a request', () => {
  test('where it is decided: who asks gets the address of the message, or how to do without Slack', async () => {
    const before = await ask();
    expect(before.approval).toMatchObject({ id: 1 });
    expect(before.approval?.url).toBeUndefined();
    const elsewhere = 'ask whoever runs the server to decide at its own terminal';
    expect(slackWords(before.next_step)).toContain(elsewhere);
    expect(slackWords(before.next_step)).not.toContain('Slack');
    await connect();
    const { approval, next_step: next } = await ask({ replicas: 2 });
    expect(approval?.url).toMatch(/^https?:\/\/.*C01GEN\/p\d+/);
    expect(slackWords(next)).toContain(`at ${approval?.url}, or there: ${elsewhere}`);
    expect(await place.core.execute('get_approval', { approval: '2' }, mel)).toMatchObject({ url: approval?.url });
  });

  test('once, whichever of two servers is first, and of its end once too', async () => {
    await Promise.all([connect(), connect()]);
    await ask();
    await expect.poll(() => shown(place), patient).toContain('approval.approve');
    await deny();
    await expect
      .poll(() => textsTo(stranger), patient)
      .toEqual([expect.stringMatching(/^Your request 1 is denied: launch tiny/)]);
    await expect.poll(() => shown(place), patient).toMatch(/\*denied\* by root/);
    expect(await texts()).toHaveLength(1);
    expect(await textsTo(stranger)).toHaveLength(1);
  });

  test('although the server that began to tell them died of it', async () => {
    await ask();
    meddle(`insert into notices values ('approval', 1, 'asked', '2999-01-01T00:00:00.000Z', null)`);
    await connect();
    // A second request that is shown proves that the first was looked at. It is another server's to tell.
    await ask({ replicas: 2 });
    await expect.poll(texts, patient).toEqual([expect.stringContaining('Request 2 of mel')]);
    meddle(`update notices set claimed_until = '2026-01-01T00:00:00.000Z'`);
    await expect.poll(() => shown(place, 1), patient).toContain('approval.approve');
  });

  test('that was decided while Slack was away: the buttons go, and the requester is told, once', async () => {
    const app = await connect();
    await ask();
    await expect.poll(() => shown(place), patient).toContain('approval.approve');
    await app.close();
    await deny();
    expect(await shown(place)).toContain('approval.approve');
    await connect();
    await expect.poll(() => shown(place), patient).toMatch(/\*denied\* by root/);
    await expect
      .poll(() => textsTo(stranger), patient)
      .toEqual([expect.stringMatching(/^Your request 1 is denied: launch tiny/)]);
    await connect();
    await ask({ replicas: 2 });
    await expect.poll(texts, patient).toContainEqual(expect.stringContaining('Request 2 of mel'));
    expect(await textsTo(stranger)).toEqual([expect.stringMatching(/^Your request 1 is denied: launch tiny/)]);
  });

  test('that their agent made elsewhere', async () => {
    await connect();
    const made = await place.core.access.createToken(mel.person, 'agent', ['operate'], { agent: true });
    const agent = await place.core.access.callerOfToken(made.token, 'mcp');
    await ask({}, agent);
    await expect.poll(() => shown(place), patient).toContain('(through their assistant) wants to');
    await deny();
    await expect
      .poll(() => textsTo(stranger), patient)
      .toEqual([expect.stringMatching(/^Your request 1 is denied: launch tiny/)]);
  });

  test('that ran without its approvers, loudly: anew in the channel, and each who should have decided', async () => {
    await connect();
    await ask();
    await expect.poll(() => shown(place), patient).toContain('approval.approve');
    await place.core.execute('break_glass', { approval: '1', reason: 'production is <!here> down' }, root);
    const loud = 'Glass broken: root ran request 1 without its approvers';
    await expect.poll(texts, patient).toContain(loud);
    await expect.poll(() => textsTo(alice), patient).toEqual([loud]);
    const posted = (await place.slack.messages()).find(({ text }) => text === loud);
    expect(JSON.stringify(posted?.blocks)).toContain('"type":"text","text":"production is <!here> down"');
    await expect.poll(() => shown(place), patient).toContain('GLASS BROKEN');
  });

  test('by name when it is new and when it waits too long, so that Slack tells them', async () => {
    await connect();
    await ask();
    await expect.poll(() => shown(place), patient).toContain('<@U01ALICE>, root');
    meddle(`update approvals set remind_at = '2026-01-01T00:00:00.000Z'`);
    const reminder = async () =>
      JSON.stringify((await place.slack.messages()).find(({ text }) => text.includes('still waits'))?.blocks);
    await expect.poll(reminder, patient).toContain('still waits for <@U01ALICE>, root');
  });

  test('although its message is gone from Slack', async () => {
    await connect();
    await ask();
    await expect.poll(() => shown(place), patient).toContain('approval.approve');
    meddle(`update outbox set ts = '1.1'`);
    await deny();
    await expect
      .poll(() => textsTo(stranger), patient)
      .toEqual([expect.stringMatching(/^Your request 1 is denied: launch tiny/)]);
  });
});

test.skipIf(withoutLocalSlack)(
  'an owner is warned before the end by one message on two servers, whose button asks for more time',
  async () => {
    await place[Symbol.asyncDispose]();
    ({ place, mel } = await asking({ config: { ...config, policy: [] } }));
    await place.core.execute('launch_instance', { model: 'tiny', stop_after: '4h' }, mel);
    meddle(`update instances set stop_at = '${new Date(Date.now() + 1_800_000).toISOString()}'`);
    await Promise.all([connect(), connect()]);
    await expect.poll(() => textsTo(stranger), patient).toEqual(['tiny:1 stops by itself soon']);
    const [message] = await place.slack.directMessages(stranger);
    if (!message) throw new Error('There is no message');
    expect(breachesOfMessage({ text: message.text, blocks: message.blocks ?? [] })).toEqual([]);
    const direct = (await place.slack.calls('chat.postMessage')).at(-1)?.['channel'] as string;
    await place.slack.click(message, 'ending.extend', stranger, direct);
    await expect.poll(() => place.slack.view?.submit?.text, patient).toBe('Extend');
    place.slack.submit(
      { instance: { field: { selected_option: { value: '1' } } }, stop_after: { field: { value: '8h' } } },
      stranger,
    );
    const far = new Date(Date.now() + 7 * 3_600_000).toISOString();
    await expect
      .poll(async () => (await place.core.execute('get_instance', { instance: '1' }, mel))['stop_at'], patient)
      .toSatisfy((at: string) => at > far);
    expect(await textsTo(stranger)).toHaveLength(1);
  },
);
