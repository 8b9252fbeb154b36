import { expect } from 'vitest';
import { patient, workspace } from '../support/local-slack.ts';
import type { PostedMessage } from '../support/local-slack.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';
import type { Place } from './place.ts';

/** Types a command and answers with the text and blocks that come: for that person alone, and as Slack takes them. */
export async function answerTo({ slack }: Place, command: string, user = workspace.alice): Promise<string> {
  const before = (await slack.messages()).length;
  await slack.type(command, user);
  await expect.poll(async () => (await slack.messages()).length, patient).toBeGreaterThan(before);
  const { ephemeral_to: to, text, blocks = [] } = (await slack.messages()).at(-1) as PostedMessage;
  expect(to).toBe(user);
  expect(breachesOfMessage({ text, blocks })).toEqual([]);
  return JSON.stringify({ text, blocks });
}
