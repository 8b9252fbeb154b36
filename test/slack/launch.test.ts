import { describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack } from '../support/local-slack.ts';
import { breachesOfMessage, breachesOfModal } from '../support/slack-limits.ts';
import { launchInSlack, planInSlack } from './launching.ts';
import { makePlace, tinyRepo } from './place.ts';

const pace = { perMessage: 100, overall: 20, atLeastEvery: 500 };

describe.skipIf(withoutLocalSlack)('a launch from Slack', () => {
  test('one message follows the instance from its launch to its first answer', { timeout: 120_000 }, async () => {
    await using place = await makePlace({ reconcile: true });
    const { slack, core, alice } = place;
    await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, alice);
    const app = await startSlack(core, { pace });
    try {
      await planInSlack(slack, 'tiny');
      expect(breachesOfModal(slack.view as NonNullable<typeof slack.view>)).toEqual([]);
      expect(JSON.stringify(slack.view?.blocks)).toContain('Needs no approval');
      expect(await core.execute('list_instances', {}, alice)).toMatchObject({ items: [] });

      slack.submit({});
      await expect.poll(() => JSON.stringify(slack.view?.blocks), patient).toContain('*tiny:1*');
      await expect
        .poll(async () => (await slack.messages()).map(({ text }) => text), patient)
        .toEqual(['tiny:1 is running (1/1 ready)']);

      const [message] = await slack.messages();
      expect(JSON.stringify(message?.blocks)).toContain('Call it with model `tiny:1`');
      expect(breachesOfMessage({ text: message?.text ?? '', blocks: message?.blocks ?? [] })).toEqual([]);
      expect(await slack.calls('chat.postMessage')).toHaveLength(1);
      expect((await slack.calls('chat.update')).length).toBeGreaterThan(0);

      await slack.type('/ecolink status');
      await expect
        .poll(async () => JSON.stringify((await slack.messages()).at(-1)?.blocks), patient)
        .toContain('`tiny:1` running');
    } finally {
      await app.close();
    }
  });

  test('a form for a launch says when there is nothing to launch', async () => {
    await using place = await makePlace();
    const app = await startSlack(place.core);
    try {
      await place.slack.type('/ecolink launch');
      await expect
        .poll(() => JSON.stringify(place.slack.view?.blocks ?? []), patient)
        .toContain('There are no models to choose from yet');
      place.slack.submit({});
      await expect.poll(() => place.slack.errors['model'], patient).toBe('Choose a model.');
    } finally {
      await app.close();
    }
  });

  test('a download is followed with its bar, in edits that keep their distance', { timeout: 120_000 }, async () => {
    await using place = await makePlace({ reconcile: true });
    const { slack, core, alice, hub } = place;
    await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, alice);
    const app = await startSlack(core, { pace: { perMessage: 1000, overall: 20, atLeastEvery: 5000 } });
    let news: NodeJS.Timeout | undefined;
    try {
      hub.faults.throttle = 100_000;
      // Far more news than there may be edits.
      news = setInterval(() => core.changes.publish({ kind: 'instance', id: '1' }), 20);
      await launchInSlack(slack, 'tiny');
      await expect
        .poll(async () => (await slack.messages()).map(({ text }) => text), { timeout: 90_000 })
        .toEqual(['tiny:1 is running (1/1 ready)']);
      const edits = (await slack.log()).filter(({ summary }) => summary === 'chat.update');
      expect(JSON.stringify(edits)).toMatch(/\[#*-+\] \d+ % {2}[\d.]+ k?B of 4\d\d kB/);
      const distances = edits.slice(1).map(({ time }, index) => time - (edits[index]?.time ?? 0));
      // Less than the 1,000 that were asked for, since the times are those of arrival.
      expect(Math.min(...distances)).toBeGreaterThan(800);
    } finally {
      clearInterval(news);
      await app.close();
    }
  });

  test('what changes nothing edits nothing, and a stop shows', async () => {
    await using place = await makePlace();
    const { slack, core, alice } = place;
    await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, alice);
    const app = await startSlack(core, { pace });
    try {
      await launchInSlack(slack, 'tiny');
      await expect.poll(async () => (await slack.messages()).length, patient).toBe(1);
      for (let count = 0; count < 100; count++) core.changes.publish({ kind: 'instance', id: '1' });
      await core.execute('stop_instance', { instance: '1' }, { ...alice, source: 'http' });
      await expect.poll(async () => (await slack.messages())[0]?.text, patient).toMatch(/is stop/);
      expect(await slack.calls('chat.update')).toHaveLength(1);
    } finally {
      await app.close();
    }
  });

  test('where the app may not write, the message goes to the one who launched', async () => {
    await using place = await makePlace();
    const { slack, core, alice } = place;
    await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, alice);
    const app = await startSlack(core, { pace });
    try {
      await launchInSlack(slack, 'tiny', { channel: 'D77ELSEWHERE' });
      await expect.poll(() => slack.directMessages(), patient).toHaveLength(1);
      const [message] = await slack.directMessages();
      expect(message?.text).toContain('tiny:1');
      expect(JSON.stringify(message?.blocks)).toContain('I cannot write in <#D77ELSEWHERE>');
    } finally {
      await app.close();
    }
  });
});
