import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';
import { asking, config, shown } from './asking.ts';

const { stranger } = workspace;
const pace = { perMessage: 100, overall: 20, atLeastEvery: 500 };

describe.skipIf(withoutLocalSlack)('a request for approval', () => {
  test(
    'is shown with its buttons, approved by a click, and followed to the running instance',
    { timeout: 120_000 },
    async () => {
      const { place, mel } = await asking({ reconcile: true });
      await using _ = place;
      const { slack, core } = place;
      const app = await startSlack(core, { pace });
      try {
        await core.execute('launch_instance', { model: 'tiny' }, mel);
        await expect.poll(() => shown(place), patient).toContain('0 of 1 · waits for <@U01ALICE>, root');
        const [message] = await slack.messages();
        if (!message) throw new Error('There is no message');
        expect(breachesOfMessage({ text: message.text, blocks: message.blocks ?? [] })).toEqual([]);

        await slack.click(message, 'approval.approve', stranger);
        await expect
          .poll(async () => (await slack.messages()).at(-1)?.text, patient)
          .toContain('Nobody decides on their own request');
        await slack.click(message, 'approval.approve');
        await expect.poll(() => shown(place), patient).toMatch(/\*done\*, approved by <@U01ALICE>/);
        expect(await shown(place)).not.toContain('approval.approve');
        await expect
          .poll(async () => (await slack.directMessages(stranger))[0]?.text, patient)
          .toContain('Your request 1 is done: launch tiny');
        await expect
          .poll(async () => JSON.stringify((await slack.messages()).map(({ text }) => text)), patient)
          .toContain('tiny:1 is running');

        // The old message, on a phone that did not get the news.
        await slack.click(message, 'approval.approve');
        await expect
          .poll(async () => (await slack.messages()).at(-1)?.text, patient)
          .toMatch(/[Rr]equest 1 is done already by alice/);
        expect(await core.execute('list_instances', {}, mel)).toMatchObject({ items: [{ id: 1 }] });
      } finally {
        await app.close();
      }
    },
  );

  test('is denied with a reason that a form asks for', async () => {
    const { place, mel } = await asking();
    await using _ = place;
    const { slack, core } = place;
    const app = await startSlack(core, { pace });
    try {
      await core.execute('launch_instance', { model: 'tiny' }, mel);
      await expect.poll(() => shown(place), patient).toContain('approval.deny');
      const [message] = await slack.messages();
      if (!message) throw new Error('There is no message');
      await slack.click(message, 'approval.deny');
      await expect.poll(() => slack.view?.submit?.text, patient).toBe('Deny');
      slack.submit({ reason: { field: { value: 'no <!channel> budget' } } });
      await expect.poll(() => shown(place), patient).toMatch(/\*denied\* by <@U01ALICE>/);
      expect(await shown(place)).toContain('"type":"text","text":"no <!channel> budget"');
      await expect
        .poll(async () => (await slack.directMessages(stranger))[0]?.text, patient)
        .toContain('Your request 1 is denied: launch tiny');
    } finally {
      await app.close();
    }
  });

  test('decided elsewhere, and while Slack was away, loses its buttons', async () => {
    const { place, mel, root } = await asking();
    await using _ = place;
    const { slack, core } = place;
    const app = await startSlack(core, { pace });
    await core.execute('launch_instance', { model: 'tiny' }, mel);
    await core.execute('launch_instance', { model: 'tiny', replicas: 2 }, mel);
    await expect.poll(() => shown(place, 1), patient).toContain('approval.approve');
    await core.execute('deny_request', { approval: '1', reason: 'no' }, root);
    await expect.poll(() => shown(place), patient).toMatch(/\*denied\* by root/);
    await app.close();

    const again = await startSlack(core, { pace });
    try {
      await core.execute('deny_request', { approval: '2', reason: 'no' }, root);
      await expect.poll(() => shown(place, 1), patient).toMatch(/\*denied\* by root/);
      expect(await slack.calls('chat.postMessage')).not.toHaveLength(0);
      expect((await slack.messages()).filter(({ text }) => text.startsWith('Request '))).toHaveLength(2);
    } finally {
      await again.close();
    }
  });

  test('goes to those who decide, where there is no channel, and is listed by /ecolink approvals', async () => {
    const { place, mel } = await asking({ config: { ...config, slack: {} } });
    await using _ = place;
    const { slack, core } = place;
    const app = await startSlack(core, { pace });
    try {
      await core.execute('launch_instance', { model: 'tiny' }, mel);
      await expect.poll(async () => (await slack.directMessages())[0]?.text, patient).toContain('Request 1 of mel');
      const database = new Sqlite(join(core.config.dataDir, 'ecolink.db'));
      database.exec(`update approvals set remind_at = '2026-01-01T00:00:00.000Z'`);
      database.close();
      await expect
        .poll(async () => (await slack.directMessages()).map(({ text }) => text), patient)
        .toContain('Request 1 still waits for alice, root');
      await slack.type('/ecolink approvals');
      await expect
        .poll(async () => JSON.stringify((await slack.messages()).at(-1)?.blocks), patient)
        .toContain('*1* Launch tiny');
      await slack.type('/ecolink approvals 1');
      await expect
        .poll(async () => JSON.stringify((await slack.messages()).at(-1)?.blocks), patient)
        .toContain('approval.approve');
      const ephemeral = (await slack.messages()).at(-1);
      if (!ephemeral) throw new Error('There is no message');
      await slack.click(ephemeral, 'approval.approve');
      await expect
        .poll(async () => JSON.stringify((await slack.directMessages())[0]?.blocks), patient)
        .toMatch(/approved by <@U01ALICE>|\*approved\*/);
    } finally {
      await app.close();
    }
  });
});
