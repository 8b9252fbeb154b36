import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import type { Core } from '../../src/core/core.ts';
import { startSlack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { makePlace } from './place.ts';

describe.skipIf(withoutLocalSlack)('starting Slack', () => {
  test('a bot token alone is refused with what else is needed', async () => {
    await using place = await makePlace();
    const started = startSlack(withSlack(place.core, { botToken: workspace.botToken }), {
      slackApiUrl: place.slack.apiUrl,
    });
    await expect(started).rejects.toMatchObject({
      code: 'slack_not_configured',
      message: expect.stringContaining('SLACK_APP_TOKEN'),
    });
  });

  test('a token that Slack refuses is said to be refused, without being shown', async () => {
    await using place = await makePlace();
    const refusing = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":false,"error":"invalid_auth"}');
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    const slackApiUrl = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/api/`;
    const started = startSlack(place.core, { slackApiUrl });
    await expect(started).rejects.toMatchObject({
      code: 'slack_token_refused',
      message: 'Slack refuses the token: invalid_auth.',
    });
    refusing.close();
  });

  test('an address where nothing answers is unavailable, and trying again can help', async () => {
    await using place = await makePlace();
    const started = startSlack(place.core, { slackApiUrl: 'http://127.0.0.1:9/api/' });
    await expect(started).rejects.toMatchObject({ code: 'slack_unreachable', retryable: true });
  });

  test('no token reaches the log, however much is logged, nor comes back to Slack', async () => {
    const lines: string[] = [];
    const stream = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
    // Without the product's redaction, which would hide what is handed over.
    await using place = await makePlace({ log: pino({ level: 'trace' }, stream) });
    const token = `hf_${'abcd'.repeat(8)}`;
    const app = await startSlack(place.core);
    await place.slack.type('/ecolink register');
    await expect.poll(() => place.slack.view?.submit, patient).toBeDefined();
    place.slack.submit({
      name: { field: { value: 'mine' } },
      repo: { field: { value: 'a/b' } },
      credential: { field: { value: token } },
    });
    await expect
      .poll(() => JSON.stringify(place.slack.view?.blocks), patient)
      .toContain('contains the value of a token');
    const sent = (await place.slack.log()).filter(({ direction }) => direction === 'from_bot');
    await place.slack.restart();
    await expect
      .poll(() => place.slack.log(), patient)
      .toContainEqual(expect.objectContaining({ summary: expect.stringContaining('hello') }));
    await app.close();
    expect(lines.length).toBeGreaterThan(0);
    for (const secret of [workspace.botToken, workspace.appToken, token]) {
      expect(lines.join('\n')).not.toContain(secret);
      expect(JSON.stringify(sent)).not.toContain(secret);
    }
  });
});

function withSlack(core: Core, slack: NonNullable<Core['config']['secrets']['slack']>): Core {
  return { ...core, config: { ...core.config, secrets: { ...core.config.secrets, slack } } };
}
