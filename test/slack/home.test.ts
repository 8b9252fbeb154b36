import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HomeView } from '@slack/types';
import type { Caller } from '../../src/core/base/caller.ts';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { breachesOfHome } from '../support/slack-limits.ts';
import { answerTo } from './answer.ts';
import { asking } from './asking.ts';
import { makePlace } from './place.ts';
import type { Place } from './place.ts';

const { alice, stranger: mel, team } = workspace;

describe.skipIf(withoutLocalSlack)('App Home', () => {
  let place: Place;
  let app: Slack;
  let asker: Caller;

  beforeAll(async () => {
    ({ place, mel: asker } = await asking());
    app = await startSlack(place.core);
  });
  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });

  /** The last home that this person got. */
  async function homeOf(user: string): Promise<HomeView | undefined> {
    const calls = await place.slack.calls('views.publish');
    const last = calls.findLast((call) => call['user_id'] === user)?.['view'];
    return typeof last === 'string' ? (JSON.parse(last) as HomeView) : (last as HomeView | undefined);
  }
  const shown = async (user: string) => JSON.stringify((await homeOf(user))?.blocks ?? []);

  test('shows an approver what waits, and a requester nothing to decide', async () => {
    await place.core.execute('launch_instance', { model: 'tiny', reason: 'demo' }, asker);
    await place.slack.openHome(alice);
    await expect.poll(() => shown(alice), patient).toContain('Waits for you');
    const home = await homeOf(alice);
    expect(JSON.stringify(home)).toContain('home.approve');
    expect(breachesOfHome(home as HomeView)).toEqual([]);
    await place.slack.openHome(mel);
    await expect.poll(() => shown(mel), patient).toContain('Your instances');
    expect(await shown(mel)).not.toContain('home.approve');
    expect(await shown(mel)).toContain('`tiny`');
  });

  test('shows nothing private of somebody else', async () => {
    await place.core.execute(
      'register_model',
      { name: 'secret', source: 'huggingface', repo: 'tests/tiny-chat', private: true },
      asker,
    );
    await place.slack.openHome(alice);
    await place.slack.openHome(mel);
    await expect.poll(() => shown(mel), patient).toContain('`secret`');
    expect(await shown(alice)).not.toContain('secret');
  });
});

describe.skipIf(withoutLocalSlack)("a stranger's first minute", () => {
  test('a button asks the admins, whose click gives a role, and the stranger is told', async () => {
    const people = [
      { name: 'root', role: 'admin', identities: ['local'] },
      { name: 'alice', role: 'admin', identities: [`slack:${team}/${alice}`] },
    ];
    await using place = await makePlace({ config: { people } });
    const app = await startSlack(place.core);
    try {
      expect(await answerTo(place, '/ecolink', mel)).toContain('access.ask');
      const message = (await place.slack.messages()).at(-1) ?? expect.fail('no answer');
      await place.slack.click(message, 'access.ask', mel);
      const toAdmin = async () => (await place.slack.directMessages(alice)).at(-1);
      await expect.poll(async () => (await toAdmin())?.text, patient).toBe(`<@${mel}> asks for access to EcoLink`);
      await place.slack.click(message, 'access.ask', mel);
      await expect
        .poll(async () => JSON.stringify((await place.slack.messages()).at(-1)?.blocks), patient)
        .toContain('The admins have your request');
      expect(await place.slack.directMessages(alice)).toHaveLength(1);
      const ask = await toAdmin();
      if (!ask) throw new Error('There is no message');
      const channel = (await place.slack.calls('chat.postMessage')).at(-1)?.['channel'] as string;
      // Nobody without the right gives a role, whoever clicks.
      await place.slack.click(ask, 'access.give.member', mel, channel);
      expect(await place.core.access.personOfSlack(team, mel)).toBeUndefined();
      await place.slack.click(ask, 'access.give.member', alice, channel);
      await expect.poll(async () => (await place.core.access.personOfSlack(team, mel))?.role, patient).toBe('member');
      await expect
        .poll(async () => (await place.slack.directMessages(mel)).map(({ text }) => text).join('\n'), patient)
        .toContain('gave you the role `member`');
    } finally {
      await app.close();
    }
  });
});
