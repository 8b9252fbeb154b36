import { afterAll, beforeAll, expect, test } from 'vitest';
import { outboxPlace } from './outbox-place.ts';
import type { OutboxPlace } from './outbox-place.ts';

const patient = { timeout: 20_000 };

let slack: OutboxPlace;
beforeAll(async () => {
  slack = await outboxPlace({ policy: [] });
  await slack.connect();
});
afterAll(() => slack[Symbol.asyncDispose]());

const answers = () => slack.cloud.messages.filter(({ channel }) => channel === 'DUMAX');

test('a command that somebody writes to the app directly is answered there, with and without /ecolink', async () => {
  await slack.writeAs('help', 'Ev1');
  await expect.poll(() => answers().at(-1)?.blocks, patient).toContain('/ecolink launch');
});

test('a form needs a click: the answer has the button that opens it', async () => {
  await slack.writeAs('/ecolink register', 'Ev2');
  await expect.poll(() => answers().at(-1)?.blocks, patient).toContain('"action_id":"open.register"');
});

test('an event that Slack sends again, and a message of the app itself, are no commands', async () => {
  const before = answers().length;
  await slack.writeAs('models', 'Ev3');
  await expect.poll(() => answers().length, patient).toBe(before + 1);
  await slack.writeAs('models', 'Ev3');
  await slack.writeAs('models', 'Ev4', { bot_id: 'B0BOT' });
  await slack.writeAs('models', 'Ev5', { subtype: 'message_changed' });
  // The answers to these come after any that the others would get.
  for (const event of ['Ev6', 'Ev7', 'Ev8']) {
    const already = answers().length;
    await slack.writeAs('regions', event);
    await expect.poll(() => answers().length, patient).toBeGreaterThan(already);
  }
  expect(answers()).toHaveLength(before + 4);
});
