import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/core/config/load.ts';
import { LocalSlack, patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { SlackCloud } from '../support/slack-cloud.ts';
import { oneEach, startInstallable } from './cloud-place.ts';

test('a server whose app anybody could install does not start, and says what to set', async () => {
  for (const slack of [undefined, {}, { workspaces: [], organisations: [] }]) {
    await expect(startInstallable({ config: { people: oneEach.people, slack } })).rejects.toMatchObject({
      code: 'slack_nothing_listed',
      nextStep: expect.stringContaining('"workspaces" or "organisations"'),
    });
  }
});

test.each([
  ['SLACK_CLIENT_ID without its secret', { SLACK_CLIENT_ID: '1.2' }],
  ['SLACK_CLIENT_SECRET without its id', { SLACK_CLIENT_SECRET: 'secret-value' }],
  [
    'a bot token and an app to install',
    { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_CLIENT_ID: '1.2', SLACK_CLIENT_SECRET: 'secret-value' },
  ],
])('%s is refused without showing either', (_what, environment) => {
  const load = () => loadConfig({ ECOLINK_CONFIG: '/dev/null', ...environment });
  expect(load).toThrow(expect.objectContaining({ code: 'bad_environment' }));
  expect(load).not.toThrow('secret-value');
});

describe('the pages of an installation', () => {
  test('name the public address where there is one, and are nothing else than two', async () => {
    await using running = await startInstallable({ environment: { ECOLINK_PUBLIC_URL: 'https://ecolink.example' } });
    const began = await fetch(`${running.server.url}/slack/install`, { redirect: 'manual' });
    const url = new URL(began.headers.get('location') ?? '');
    expect(url.searchParams.get('redirect_uri')).toBe('https://ecolink.example/slack/oauth_redirect');
    for (const path of ['/slack/installed', '/slack/', '/slack/oauth_redirect/x', '/slack/events']) {
      expect((await fetch(running.server.url + path)).status).toBe(404);
    }
    expect((await fetch(`${running.server.url}/slack/install`, { method: 'POST' })).status).toBe(404);
  });

  test('are not there where the app has the token of one workspace', async () => {
    await using cloud = await SlackCloud.start();
    const environment = {
      SLACK_CLIENT_ID: '',
      SLACK_CLIENT_SECRET: '',
      SLACK_BOT_TOKEN: cloud.admit({ team: 'T1' }).token,
    };
    await using running = await startInstallable({ environment, cloud });
    expect((await fetch(`${running.server.url}/slack/install`, { redirect: 'manual' })).status).toBe(404);
  });
});

describe.skipIf(withoutLocalSlack)('in Socket Mode', () => {
  test('a workspace installs the app on the server’s own pages, and works over the socket with that token', async () => {
    await using slack = await LocalSlack.start();
    const cloud = await SlackCloud.start(slack.url);
    const { team, alice, botToken, appToken } = workspace;
    await using running = await startInstallable({
      cloud,
      config: {
        people: [{ name: 'alice', role: 'member', identities: [`slack:${team}/${alice}`] }],
        slack: { workspaces: [team] },
      },
      environment: { SLACK_APP_TOKEN: appToken, SLACK_SIGNING_SECRET: '' },
    });
    await slack.type('/ecolink register');
    expect(slack.view).toBeUndefined();
    const page = await running.install({}, cloud.agree({ team }, { token: botToken }));
    expect(page.status).toBe(200);
    await slack.type('/ecolink register');
    await expect.poll(() => slack.view?.submit?.text, patient).toBe('Register');
    expect(cloud.callsOf('views.open').map(({ token }) => token)).toEqual([botToken]);
    expect(cloud.callsOf('apps.connections.open').map(({ token }) => token)).toEqual([appToken]);
  });
});
