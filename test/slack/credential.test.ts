import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { capturedLog } from '../support/captured-log.ts';
import { newToken } from '../support/credentials.ts';
import { withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { answerTo } from './answer.ts';
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

  test('hands a page to the one who asks, alone, which fills their account and needs no other token', async () => {
    const text = await answerTo(place, '/ecolink credential add mine --shared');
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
      expect(await answerTo(place, `/ecolink credential${wrong}`)).toContain('/ecolink credential add');
    }
    expect(await answerTo(place, '/ecolink credential add A_b')).toContain('lower-case');
    expect(await answerTo(place, '/ecolink credential add mine', workspace.stranger)).toContain(
      'I do not know you yet',
    );
  });

  test('shows those that there are, by name, and deletes one that nothing needs', async () => {
    const token = newToken();
    place.hub.addToken(token, { user: 'alice' });
    expect(await answerTo(place, '/ecolink credential')).toContain('You have none.');
    await place.core.credentials.add({ name: 'mine', value: token }, place.alice);
    const shown = await answerTo(place, '/ecolink credential list');
    expect(shown).toContain('*mine*  of alice on the Hub');
    expect(shown).not.toContain(token);
    expect(await answerTo(place, '/ecolink credential delete mine')).toContain('*mine*: deleted');
    expect(await answerTo(place, '/ecolink credential delete mine')).toContain('You have no credential named');
  });

  test('a token that is typed behind any command is refused with words to revoke it, and is not logged or answered', async () => {
    const token = newToken();
    for (const command of [`credential add ${token}`, `launch ${token}`, `status ${token}`, token]) {
      const answer = await answerTo(place, `/ecolink ${command}`);
      expect(answer).toContain('Revoke that token');
      expect(answer).not.toContain(token);
    }
    expect(log.text()).not.toContain(token);
  });
});
