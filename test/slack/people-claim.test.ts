import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import type { PostedMessage } from '../support/local-slack.ts';
import { breachesOfMessage } from '../support/slack-limits.ts';
import { makePlace } from './place.ts';
import type { Place } from './place.ts';

describe.skipIf(withoutLocalSlack)('/ecolink claim', () => {
  let place: Place;
  let app: Slack;

  beforeAll(async () => {
    place = await makePlace();
    app = await startSlack(place.core);
  });
  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });

  async function answerTo(command: string): Promise<PostedMessage> {
    const before = (await place.slack.messages()).length;
    await place.slack.type(command, workspace.stranger);
    await expect.poll(async () => (await place.slack.messages()).length, patient).toBeGreaterThan(before);
    const answer = (await place.slack.messages()).at(-1) as PostedMessage;
    expect(answer.ephemeral_to).toBe(workspace.stranger);
    expect(breachesOfMessage({ text: answer.text, blocks: answer.blocks ?? [] })).toEqual([]);
    return answer;
  }

  test('makes a stranger with the code admin, and a wrong code changes nothing', async () => {
    const code = (await place.core.claims.offer()) ?? expect.fail('Ada has no Slack identity');
    expect((await answerTo('/ecolink claim')).text).toContain('/ecolink claim');
    expect(JSON.stringify(await answerTo('/ecolink claim 0000-0000-0000'))).toContain('This code is wrong');
    expect(await place.core.access.personOfSlack(workspace.team, workspace.stranger)).toBeUndefined();
    expect((await answerTo(`/ecolink claim ${code}`)).text).toContain('You are admin now');
    expect(await place.core.access.personOfSlack(workspace.team, workspace.stranger)).toMatchObject({ role: 'admin' });
    expect(JSON.stringify(await answerTo(`/ecolink claim ${code}`))).toContain('There is an admin in Slack already');
    expect((await answerTo('/ecolink status')).text).not.toContain('I do not know you');
  });

  test('nothing is done for a workspace that the config does not list, and no server starts in it', async () => {
    const [file = expect.fail('The config has a file')] = place.core.config.files;
    const config = await readFile(file, 'utf8');
    await writeFile(file, JSON.stringify({ ...(JSON.parse(config) as object), slack: { workspaces: ['T0OTHER'] } }));
    const before = await place.slack.messages();
    await place.slack.type('/ecolink status', workspace.alice);
    await expect(startSlack(place.core)).rejects.toMatchObject({ code: 'slack_workspace_not_listed' });
    await writeFile(file, config);
    await answerTo('/ecolink status');
    expect(await place.slack.messages()).toHaveLength(before.length + 1);
  });
});
