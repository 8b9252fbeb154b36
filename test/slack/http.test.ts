import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { slackEventsPath } from '../../src/slack/manifest.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { breachesOfModal } from '../support/slack-limits.ts';
import { planInSlack } from './launching.ts';
import { makePlace, tinyRepo } from './place.ts';
import type { Place } from './place.ts';

describe.skipIf(withoutLocalSlack)('/ecolink over HTTP', () => {
  let listener: (request: IncomingMessage, response: ServerResponse) => void;
  let server: Server;
  let place: Place;
  let app: Slack;
  let url: string;

  beforeAll(async () => {
    server = createServer((request, response) => listener(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${slackEventsPath}`;
    place = await makePlace({ requestUrl: url });
    app = await startSlack(place.core);
    if (!app.requestListener) throw new Error('no listener in HTTP mode');
    listener = app.requestListener;
  });

  afterAll(async () => {
    await app.close();
    server.close();
    server.closeAllConnections();
    await place[Symbol.asyncDispose]();
  });

  beforeEach(() => place.slack.closeView());

  /** What Slack sends when something inside a modal is used, which local-slack cannot do; signed as Slack signs. */
  async function send(payload: object, secret = workspace.signingSecret): Promise<Response> {
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const time = String(Math.floor(Date.now() / 1000));
    const signature = `v0=${createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex')}`;
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': time,
      'x-slack-signature': signature,
    };
    return fetch(url, { method: 'POST', headers, body });
  }

  function chooseSource(source: string, name: string, user = workspace.alice) {
    const { view } = place.slack;
    const state = {
      name: { field: { type: 'plain_text_input', value: name } },
      source: { switch: { type: 'static_select', selected_option: { value: source } } },
    };
    return {
      type: 'block_actions',
      user: { id: user, team_id: workspace.team },
      team: { id: workspace.team, domain: 'test' },
      view: { ...view, state: { values: state } },
      actions: [{ type: 'static_select', action_id: 'switch', block_id: 'source', selected_option: { value: source } }],
    };
  }

  function fields(): (string | undefined)[] {
    return place.slack.view?.blocks.map((block) => block.block_id) ?? [];
  }

  test('choosing the other source shows its fields, keeps what was typed, and names the view that it replaces', async () => {
    await place.slack.type('/ecolink register');
    await expect.poll(fields, patient).toContain('repo');
    const hash = place.slack.view?.hash;
    const answer = await send(chooseSource('filesystem', 'typed-name'));
    expect(answer.status).toBe(200);
    await expect.poll(fields, patient).toContain('subfolder');
    expect(fields()).not.toContain('repo');
    expect(JSON.stringify(place.slack.view?.blocks)).toContain('"initial_value":"typed-name"');
    // No filesystem is configured, and there the form says so.
    expect(fields()).toContain('nothing.filesystem');
    expect((await place.slack.calls('views.update')).at(-1)).toMatchObject({ hash });
  });

  test('*Check* looks at the real repo, keeps what was typed and says what it found', async () => {
    const click = (repo: string) => ({
      type: 'block_actions',
      user: { id: workspace.alice, team_id: workspace.team },
      team: { id: workspace.team, domain: 'test' },
      view: {
        ...place.slack.view,
        state: { values: { repo: { field: { value: repo } }, name: { field: { value: 'x' } } } },
      },
      actions: [{ type: 'button', action_id: 'register.check', block_id: 'check' }],
    });
    await place.slack.type('/ecolink register');
    await expect.poll(fields, patient).toContain('repo');
    await send(click(`https://huggingface.co/${tinyRepo}`));
    await expect.poll(fields, patient).toContain('found');
    const shown = JSON.stringify(place.slack.view?.blocks);
    expect(shown).toContain(tinyRepo);
    expect(shown).toMatch(/\*Size\*.n\d+ kB in 1 file, gguf/);
    expect(shown).toContain('*Category*\\nchat');
    expect(shown).toContain('"initial_value":"x"');
    expect(breachesOfModal(place.slack.view as NonNullable<typeof place.slack.view>)).toEqual([]);
    await send(click('tests/nothing-here'));
    await expect.poll(fields, patient).toContain('error.repo');
  });

  test('*Add a credential* links to a one-time page', async () => {
    await place.slack.type('/ecolink register');
    await expect.poll(fields, patient).toContain('repo');
    await send({
      type: 'block_actions',
      user: { id: workspace.alice, team_id: workspace.team },
      team: { id: workspace.team, domain: 'test' },
      view: { ...place.slack.view, state: { values: {} } },
      actions: [{ type: 'button', action_id: 'register.credential', block_id: 'check' }],
    });
    await expect.poll(fields, patient).toContain('credential.link');
    expect(JSON.stringify(place.slack.view?.blocks)).toMatch(
      /<http[^|]+\/credentials\/[^|]+\|Type the Hugging Face token/,
    );
  });

  test('a form registers over HTTP as it does over the socket', async () => {
    await place.slack.type('/ecolink register over-http');
    await expect.poll(fields, patient).toContain('repo');
    place.slack.submit({ repo: { field: { value: tinyRepo } } });
    await expect.poll(() => JSON.stringify(place.slack.view?.blocks), patient).toContain('*over-http*');
    expect(JSON.stringify(place.slack.view?.blocks)).toContain('open.launch');
  });

  test('a request that Slack did not sign is refused, and so is any other path', async () => {
    const forged = await send(chooseSource('filesystem', 'x'), 'another-secret');
    expect(forged.status).toBe(401);
    const elsewhere = await fetch(new URL('/slack/install', url));
    expect(elsewhere.status).toBe(404);
  });

  test('a click by somebody of another workspace changes nothing', async () => {
    await place.slack.type('/ecolink register');
    await expect.poll(fields, patient).toContain('repo');
    const before = (await place.slack.calls('views.update')).length;
    const payload = chooseSource('filesystem', 'x');
    const answer = await send({ ...payload, user: { id: workspace.alice, team_id: 'T99OTHER' } });
    expect(answer.status).toBe(200);
    expect(fields()).toContain('repo');
    expect(await place.slack.calls('views.update')).toHaveLength(before);
  });

  test('a submission that Slack delivers twice launches once and is followed once', async () => {
    await place.core.execute('register_model', { name: 'once', source: 'huggingface', repo: tinyRepo }, place.alice);
    await planInSlack(place.slack, 'once');
    const payload = {
      type: 'view_submission',
      user: { id: workspace.alice, team_id: workspace.team },
      team: { id: workspace.team, domain: 'test' },
      view: { ...place.slack.view, state: { values: {} } },
    };
    for (let delivery = 0; delivery < 2; delivery++) {
      const answer = (await (await send(payload)).json()) as { view: unknown };
      expect(JSON.stringify(answer.view)).toContain('*once:1*');
    }
    await expect.poll(() => place.slack.calls('chat.postMessage'), patient).toHaveLength(1);
    expect(await place.core.execute('list_instances', {}, place.alice)).toMatchObject({
      items: [{ model_id: 'once:1' }],
    });
  });

  test('the menu of models searches over all, for people with a role', async () => {
    await place.core.execute(
      'register_model',
      { name: 'searched', source: 'huggingface', repo: tinyRepo },
      place.alice,
    );
    const menu = async (value: string, user = workspace.alice) => {
      const payload = {
        type: 'block_suggestion',
        user: { id: user, team_id: workspace.team },
        team: { id: workspace.team, domain: 'test' },
        view: { callback_id: 'form.launch_instance' },
        action_id: 'launch.model',
        block_id: 'model',
        value,
      };
      return (await (await send(payload)).json()) as { options: { value: string; text: { text: string } }[] };
    };
    expect((await menu('SEARCH')).options).toMatchObject([
      { value: 'searched', text: { text: expect.stringMatching(/^searched · chat · \d+ kB$/) } },
    ]);
    expect((await menu('')).options.length).toBeGreaterThan(0);
    expect((await menu('no such thing')).options).toEqual([]);
    expect((await menu('', workspace.stranger)).options).toEqual([]);
  });

  test('a form from an older version says that it cannot be sent', async () => {
    await place.slack.type('/ecolink register');
    await expect.poll(fields, patient).toContain('repo');
    const view = { ...place.slack.view, private_metadata: 'something else', state: { values: {} } };
    const user = { id: workspace.alice, team_id: workspace.team };
    const answer = await send({ type: 'view_submission', user, team: { id: workspace.team, domain: 'test' }, view });
    expect(await answer.text()).toContain('This form is too old. Close it');
  });
});
