import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Caller } from '../../src/core/base/caller.ts';
import type { Log } from '../../src/core/base/log.ts';
import { startSlack } from '../../src/slack/app.ts';
import { slackEventsPath } from '../../src/slack/manifest.ts';
import { inSlack } from '../support/callers.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import { SlackCloud, app } from '../support/slack-cloud.ts';
import type { CloudMessage, CloudPlace } from '../support/slack-cloud.ts';

const policy = [
  { name: 'launches', when: { operations: ['launch_instance'] }, require: { approvers: { roles: ['approver'] } } },
];

/** Max asks, Uma approves, Ada is admin. */
export const people = [
  { name: 'ada', role: 'admin', identities: ['local', 'slack:T1/UADA'] },
  { name: 'uma', role: 'approver', identities: ['slack:T1/UUMA'] },
  { name: 'max', role: 'member', identities: ['slack:T1/UMAX'] },
];

const vic = { name: 'vic', role: 'approver', identities: ['slack:T1/UVIC'] };

const pace = { perMessage: 20, overall: 5, atLeastEvery: 300, posts: 5 };

/** EcoLink in one workspace of the strict stand-in, over signed HTTP. */
export interface OutboxPlace extends AsyncDisposable {
  cloud: SlackCloud;
  /** The workspace. A test may change what it refuses. */
  workspace: CloudPlace;
  place: TestCore;
  max: Caller;
  uma: Caller;
  /** Starts the app. The returned function ends it, as a restart does. */
  connect(): Promise<() => Promise<void>>;
  /** Clicks a button of a message. */
  click(message: CloudMessage, action: string, user?: string): Promise<Response>;
  interact(payload: object): Promise<Response>;
  /** Somebody writes to the app directly. */
  writeAs(text: string, eventId: string, more?: object): Promise<void>;
  /** Lists Vic as an approver. Nobody has looked him up in Slack yet. */
  addVic(): Promise<void>;
}

export async function outboxPlace(config: object = {}, log?: Log): Promise<OutboxPlace> {
  await using undo = new AsyncDisposableStack();
  const cloud = undo.use(await SlackCloud.start());
  const workspace: CloudPlace = { team: 'T1', refuses: {} };
  const { token } = cloud.admit(workspace);
  const folder = undo.use(await modelFolder());
  const slack = { channel: 'C1' };
  const place = undo.use(
    await startCore({
      reconcile: false,
      log,
      config: JSON.stringify({ people, policy, slack, ...(parse(folder.config) as object), ...config }),
      environment: {
        SLACK_BOT_TOKEN: token,
        SLACK_SIGNING_SECRET: app.signingSecret,
        SLACK_API_URL: cloud.apiUrl,
      },
    }),
  );
  const listener: { answer?: Awaited<ReturnType<typeof startSlack>>['requestListener'] } = {};
  const server = createServer((request, response) => listener.answer?.(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${slackEventsPath}`;
  const [max, uma] = [await inSlack(place.core, 'UMAX'), await inSlack(place.core, 'UUMA')];
  await place.core.execute('register_model', tiny, max);
  const interact = (payload: object) =>
    cloud.deliver(url, new URLSearchParams({ payload: JSON.stringify(payload) }).toString());
  const file = { people, policy, slack, ...(parse(folder.config) as object), ...config };
  const everything = undo.move();
  return {
    cloud,
    workspace,
    place,
    max,
    uma,
    interact,
    async writeAs(text, eventId, more = {}) {
      const event = { type: 'message', channel_type: 'im', channel: 'DUMAX', user: 'UMAX', text, ts: '1.1', ...more };
      await cloud.deliverEvent(url, event, { team_id: 'T1', event_id: eventId });
    },
    addVic: () => writeFile(join(place.dataDir, 'ecolink.yaml'), JSON.stringify({ ...file, people: [...people, vic] })),
    async connect() {
      const running = await startSlack(place.core, { pace });
      listener.answer = running.requestListener;
      let isOpen = true;
      const close = async (): Promise<void> => {
        if (isOpen) await running.close();
        isOpen = false;
      };
      everything.defer(close);
      return close;
    },
    click: ({ channel, ts }, action, user = 'UUMA') =>
      interact({
        type: 'block_actions',
        user: { id: user, team_id: 'T1' },
        team: { id: 'T1' },
        trigger_id: cloud.trigger(),
        actions: [{ type: 'button', action_id: action, block_id: 'b', value: '1' }],
        container: { type: 'message', channel_id: channel, message_ts: ts },
        channel: { id: channel },
        response_url: `${cloud.url}/answer`,
      }),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}
