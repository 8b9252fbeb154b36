import { describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack } from '../support/local-slack.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';
import { makePlace, tinyRepo } from './place.ts';

const pace = { perMessage: 100, overall: 20, atLeastEvery: 500 };

describe.skipIf(withoutLocalSlack)('a launch from Slack', () => {
  test('one message follows the instance from its launch to its first answer', { timeout: 120_000 }, async () => {
    await using place = await makePlace({ reconcile: true });
    const { slack, core, alice } = place;
    await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, alice);
    const app = await startSlack(core, { pace });
    try {
      await slack.type('/ecolink launch');
      await expect.poll(() => slack.view?.submit?.text, patient).toBe('Launch');
      expect(slack.view?.blocks[0]).toMatchObject({ element: { type: 'static_select', options: [{ value: 'tiny' }] } });

      slack.submit({ model: { field: { selected_option: { value: 'tiny' } } } });
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
        .toContain('there are no models to choose from yet');
      expect(place.slack.view?.submit).toBeUndefined();
    } finally {
      await app.close();
    }
  });
});
