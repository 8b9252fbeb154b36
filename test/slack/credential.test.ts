import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { capturedLog } from '../support/captured-log.ts';
import { newToken } from '../support/credentials.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import type { PostedMessage } from '../support/local-slack.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';
import { makePlace } from './place.ts';
import type { Place } from './place.ts';

describe.skipIf(withoutLocalSlack)('/ecolink credential', () => {
  const log = capturedLog();
  let place: Place;
  let app: Slack;

  beforeAll(async () => {
    place = await makePlace({ log: log.log });
    app = await startSlack(place.core);
  });
  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });

  async function answerTo(command: string, who = workspace.alice): Promise<PostedMessage> {
    const before = (await place.slack.messages()).length;
    await place.slack.type(command, who);
    await expect.poll(async () => (await place.slack.messages()).length, patient).toBeGreaterThan(before);
    const answer = (await place.slack.messages()).at(-1) as PostedMessage;
    expect(answer.ephemeral_to).toBe(who);
    expect(breachesOfMessage({ text: answer.text, blocks: answer.blocks ?? [] })).toEqual([]);
    return answer;
  }

  test('hands a page to the one who asks, alone, which fills their account and needs no other token', async () => {
    const { text } = await answerTo('/ecolink credential add mine --shared');
    const id = /\/credentials\/([\w-]{43})\|/.exec(text)?.[1] ?? expect.fail(text);
    expect(await place.core.credentials.links.find(id)).toMatchObject({
      name: 'mine',
      shared: true,
      person: { name: 'alice' },
      needsToken: false,
    });
    expect(log.text()).not.toContain(id);
  });

  test('says how it is typed, and is not for strangers', async () => {
    for (const wrong of [' add', ' remove mine', ' add a b', ' delete']) {
      expect((await answerTo(`/ecolink credential${wrong}`)).text).toContain('/ecolink credential add');
    }
    expect(JSON.stringify(await answerTo('/ecolink credential add A_b'))).toContain('lower-case');
    expect((await answerTo('/ecolink credential add mine', workspace.stranger)).text).toContain(
      'I do not know you yet',
    );
  });

  test('shows those that there are, by name, and deletes one that nothing needs', async () => {
    const token = newToken();
    place.hub.addToken(token, { user: 'alice' });
    expect(JSON.stringify(await answerTo('/ecolink credential'))).toContain('You have none.');
    await place.core.credentials.add({ name: 'mine', value: token }, place.alice);
    const shown = JSON.stringify(await answerTo('/ecolink credential list'));
    expect(shown).toContain('*mine*  of alice on the Hub');
    expect(shown).not.toContain(token);
    expect((await answerTo('/ecolink credential delete mine')).text).toContain('*mine*: deleted');
    expect(JSON.stringify(await answerTo('/ecolink credential delete mine'))).toContain('You have no credential named');
  });

  test('a token that is typed behind any command is refused with words to revoke it, and is not logged or answered', async () => {
    const token = newToken();
    for (const command of [`credential add ${token}`, `launch ${token}`, `status ${token}`, token]) {
      const answer = JSON.stringify(await answerTo(`/ecolink ${command}`));
      expect(answer).toContain('Revoke that token');
      expect(answer).not.toContain(token);
    }
    expect(log.text()).not.toContain(token);
  });
});
