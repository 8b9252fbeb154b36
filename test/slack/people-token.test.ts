import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { capturedLog } from '../support/captured-log.ts';
import { withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { answerTo } from './answer.ts';
import { makePlace } from './place.ts';
import type { Place } from './place.ts';

describe.skipIf(withoutLocalSlack)('/ecolink token', () => {
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

  test('hands a page to the one who asks, alone, and the token never passes through Slack', async () => {
    const answer = await answerTo(place, '/ecolink token');
    expect(answer).toContain('ECOLINK_PUBLIC_URL');
    const id = /[/]tokens[/]([\w-]{43})\|/.exec(answer)?.[1] ?? expect.fail(answer);
    expect(await place.core.tokens.links.find(id)).toMatchObject({ person: { name: 'alice' }, mayDecide: true });
    const { token } = await place.core.tokens.links.use(id, { name: 'my-laptop', scopes: ['read'], agent: true });
    expect(await place.core.access.callerOfToken(token, 'http')).toMatchObject({
      person: { name: 'alice' },
      agent: true,
    });
    const list = await answerTo(place, '/ecolink token list');
    expect(list).toContain('*my-laptop* of alice  `read`  for an assistant');
    expect(list).toMatch(/expires \d{4}-\d\d-\d\d {2}made by slack/);
    expect(await answerTo(place, '/ecolink token revoke my-laptop')).toContain('works no more');
    expect(await place.core.access.callerOfToken(token, 'http')).toBeUndefined();
    const traffic = JSON.stringify(await place.slack.log());
    for (const secret of [token, token.slice(4, 30)]) {
      expect(traffic).not.toContain(secret);
      expect(log.text()).not.toContain(secret);
    }
    expect(log.text()).not.toContain(id);
  });

  test('says how it is typed, and is not for strangers', async () => {
    for (const wrong of ['make', 'revoke', 'revoke a b', 'list all'])
      expect(await answerTo(place, `/ecolink token ${wrong}`)).toContain('/ecolink token revoke');
    expect(await answerTo(place, '/ecolink token revoke none')).toContain('You have no token');
    expect(await answerTo(place, '/ecolink token', workspace.stranger)).toContain('I do not know you yet');
  });
});
