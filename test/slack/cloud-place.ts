import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Log } from '../../src/core/base/log.ts';
import { startServer } from '../../src/http/server.ts';
import type { Server } from '../../src/http/server.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { SlackCloud, app } from '../support/slack-cloud.ts';
import type { CloudEvent, CloudPlace } from '../support/slack-cloud.ts';

/** A server that workspaces of a Slack install the app of. */
export interface Installable extends AsyncDisposable {
  cloud: SlackCloud;
  place: TestCore;
  server: Server;
  /** Goes through the pages as a browser does that ends where it began. Answers with the last page. */
  install(place: CloudPlace, agreed?: { code: string }): Promise<Response>;
  /** Somebody types `/ecolink …` in a workspace; answers when the app acknowledged. */
  type(text: string, who: { user: string; team: string; enterprise?: string }): Promise<void>;
  event(event: CloudEvent, about: object): Promise<Response>;
  /** Somebody uses a button or a form. */
  interact(payload: object): Promise<Response>;
  write(config: object): Promise<void>;
}

export interface InstallableOptions {
  config?: object;
  log?: Log;
  environment?: Record<string, string>;
  cloud?: SlackCloud;
}

export const oneEach = {
  people: [
    { name: 'ada', role: 'admin', identities: ['local', 'slack:T1/UADA'] },
    { name: 'bob', role: 'member', identities: ['slack:T2/UBOB'] },
    { name: 'cleo', role: 'member', identities: ['slack:E3/UCLEO'] },
  ],
  slack: { workspaces: ['T1', 'T2'], organisations: ['E3'] },
};

export async function startInstallable(options: InstallableOptions = {}): Promise<Installable> {
  await using undo = new AsyncDisposableStack();
  const cloud = undo.use(options.cloud ?? (await SlackCloud.start()));
  const keys = await mkdtemp(join(tmpdir(), 'ecolink-key-'));
  undo.defer(() => rm(keys, { recursive: true, force: true }));
  const place = undo.use(
    await startCore({
      config: JSON.stringify(options.config ?? oneEach),
      reconcile: false,
      ...(options.log ? { log: options.log } : {}),
      environment: {
        ECOLINK_KEY_FILE: join(keys, 'key'),
        SLACK_CLIENT_ID: app.clientId,
        SLACK_CLIENT_SECRET: app.clientSecret,
        SLACK_SIGNING_SECRET: app.signingSecret,
        SLACK_API_URL: cloud.apiUrl,
        ...options.environment,
      },
    }),
  );
  const server = undo.use(await startServer(place.core));
  const everything = undo.move();
  const events = `${server.url}/slack/events`;
  return {
    cloud,
    place,
    server,
    async install(where, agreed = cloud.agree(where)) {
      const began = await fetch(`${server.url}/slack/install`, { redirect: 'manual' });
      const state = new URL(began.headers.get('location') ?? '').searchParams.get('state');
      const cookie = began.headers.get('set-cookie')?.split(';')[0] ?? '';
      return fetch(`${server.url}/slack/oauth_redirect?code=${agreed.code}&state=${state}`, { headers: { cookie } });
    },
    async type(text, { user, team, enterprise }) {
      const body = new URLSearchParams({
        command: '/ecolink',
        text,
        user_id: user,
        user_name: user.toLowerCase(),
        team_id: team,
        ...(enterprise === undefined ? {} : { enterprise_id: enterprise, is_enterprise_install: 'true' }),
        channel_id: 'C1',
        trigger_id: cloud.trigger(),
        response_url: `${cloud.url}/answer/${team}`,
      });
      await cloud.deliver(events, body.toString());
    },
    async event(event, about) {
      const answer = await cloud.deliverEvent(events, event, about);
      return answer ?? expect.fail(`The manifest does not subscribe to ${event.type}.`);
    },
    interact: (payload) => cloud.deliver(events, new URLSearchParams({ payload: JSON.stringify(payload) }).toString()),
    write: (config) => writeFile(join(place.dataDir, 'ecolink.yaml'), JSON.stringify(config)),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}
