import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { answerTo } from './answer.ts';
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

  test('makes a stranger with the code admin, and a wrong code changes nothing', async () => {
    const code = (await place.core.claims.offer()) ?? expect.fail('Ada has no Slack identity');
    expect(await answerTo(place, '/ecolink claim', workspace.stranger)).toContain('/ecolink claim');
    expect(await answerTo(place, '/ecolink claim 0000-0000-0000', workspace.stranger)).toContain('This code is wrong');
    expect(await place.core.access.personOfSlack(workspace.team, workspace.stranger)).toBeUndefined();
    expect(await answerTo(place, `/ecolink claim ${code}`, workspace.stranger)).toContain('You are admin now');
    expect(await place.core.access.personOfSlack(workspace.team, workspace.stranger)).toMatchObject({ role: 'admin' });
    expect(await answerTo(place, `/ecolink claim ${code}`, workspace.stranger)).toContain(
      'There is an admin in Slack already',
    );
    expect(await answerTo(place, '/ecolink status', workspace.stranger)).not.toContain('I do not know you');
  });

  test('nothing is done for a workspace that the config does not list, and no server starts in it', async () => {
    const [file = expect.fail('The config has a file')] = place.core.config.files;
    const config = await readFile(file, 'utf8');
    await writeFile(file, JSON.stringify({ ...(JSON.parse(config) as object), slack: { workspaces: ['T0OTHER'] } }));
    const before = await place.slack.messages();
    await place.slack.type('/ecolink status', workspace.alice);
    await expect(startSlack(place.core)).rejects.toMatchObject({ code: 'slack_workspace_not_listed' });
    await writeFile(file, config);
    await answerTo(place, '/ecolink status', workspace.stranger);
    expect(await place.slack.messages()).toHaveLength(before.length + 1);
  });
});
