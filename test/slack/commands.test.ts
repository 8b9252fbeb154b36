import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import type { PostedMessage } from '../support/local-slack.ts';
import { breachesOfModal } from '../support/slack-limits.ts';
import { answerTo } from './answer.ts';
import { makePlace, tinyRepo } from './place.ts';
import type { Place } from './place.ts';

describe.skipIf(withoutLocalSlack)('/ecolink over Socket Mode', () => {
  let place: Place;
  let app: Slack;

  beforeAll(async () => {
    place = await makePlace();
    app = await startSlack(place.core, { pace: { perMessage: 50, overall: 20, atLeastEvery: 200 }, patience: 500 });
  });

  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    place.slack.closeView();
    place.hub.faults.clear();
  });

  async function openRegister(): Promise<void> {
    await place.slack.type('/ecolink register');
    await expect.poll(() => place.slack.view?.submit?.text, patient).toBe('Register');
    expect(breachesOfModal(place.slack.view as NonNullable<typeof place.slack.view>)).toEqual([]);
  }

  function shown(): string {
    return JSON.stringify(place.slack.view?.blocks ?? []);
  }

  function registration(name: string, repo: string) {
    return { name: { field: { value: name } }, repo: { field: { value: repo } } };
  }

  test('a plain /ecolink explains itself to the one who typed it', async () => {
    const answer = await answerTo(place, '/ecolink');
    expect(answer).toContain('`launch [model]`');
  });

  test('a command that does not exist is answered with the nearest one', async () => {
    expect(await answerTo(place, '/ecolink statsu')).toContain('Did you mean `/ecolink status`?');
  });

  test('lists and cards answer with what there is', async () => {
    const { core, alice } = place;
    await core.execute('register_model', { name: 'listed', source: 'huggingface', repo: tinyRepo }, alice);
    await core.execute('launch_instance', { model: 'listed' }, alice);
    expect(await answerTo(place, '/ecolink models')).toContain('`listed`  chat');
    expect(await answerTo(place, '/ecolink models liste')).toContain('"action_id":"open.launch"');
    expect(await answerTo(place, '/ecolink models listed')).toContain('"action_id":"open.delete"');
    expect(await answerTo(place, '/ecolink ps')).toContain('`listed:1`');
    expect(await answerTo(place, '/ecolink regions')).toContain('*local*');
    expect(await answerTo(place, '/ecolink cache')).toContain('cached');
    expect(await answerTo(place, '/ecolink logs 1')).toContain('nstance 1');
  });

  test('a typed stop runs nothing; its button, behind a dialog, does', async () => {
    const { core, alice, slack } = place;
    const state = async () => (await core.execute('get_instance', { instance: '1' }, alice)).state;
    const before = await state();
    expect(await answerTo(place, '/ecolink *stop* `listed:1`')).toContain('Stop listed:1 in local');
    expect(await state()).toBe(before);
    const message = (await slack.messages()).at(-1) as PostedMessage;
    expect(JSON.stringify(message.blocks)).toContain('"confirm":{"title"');
    await slack.click(message, 'run.stop_instance');
    await expect.poll(state, patient).toMatch(/^stop/);
    await slack.click(message, 'run.stop_instance');
    await expect
      .poll(async () => JSON.stringify((await slack.messages()).at(-1)?.blocks), patient)
      .not.toContain('run.stop');
  });

  test('deleting a model names what uses it and asks for the name', async () => {
    const { core, alice, slack } = place;
    await core.execute('register_model', { name: 'doomed', source: 'huggingface', repo: tinyRepo }, alice);
    await slack.type('/ecolink delete listed');
    await expect.poll(shown, patient).toContain('Instance 1 is');
    slack.closeView();
    await slack.type('/ecolink delete doomed');
    await expect.poll(shown, patient).toContain('Type doomed to delete it');
    expect(breachesOfModal(slack.view as NonNullable<typeof slack.view>)).toEqual([]);
    slack.submit({ typed: { field: { value: 'doom' } } });
    await expect.poll(() => slack.errors['typed'], patient).toBe('Type exactly: doomed');
    await core.execute('get_model', { model: 'doomed' }, alice);
    slack.submit({ typed: { field: { value: 'doomed' } } });
    await expect.poll(shown, patient).toContain('*doomed*: deleted');
    await expect(core.execute('get_model', { model: 'doomed' }, alice)).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('somebody whom the config does not list learns who can add them, and nothing is done', async () => {
    const answer = await answerTo(place, '/ecolink register', workspace.stranger);
    expect(answer).toContain('Ask Ada');
    expect(answer).toContain(`slack:${workspace.team}/${workspace.stranger}`);
    expect(place.slack.view).toBeUndefined();
  });

  test('an instance that does not exist is an answer, not silence', async () => {
    expect(await answerTo(place, '/ecolink status 77')).toContain('/ecolink instances');
  });

  test('a bad name is refused under its field, and the same form then registers the model', async () => {
    await openRegister();
    place.slack.submit(registration('Not a name!', tinyRepo));
    await expect.poll(() => place.slack.errors['name'] ?? '', patient).toMatch(/name/i);
    place.slack.submit(registration('from-slack', tinyRepo));
    await expect.poll(shown, patient).toContain('*from-slack*');
    const model = await place.core.execute('get_model', { model: 'from-slack' }, { ...place.alice, source: 'http' });
    expect(model).toMatchObject({ repo: tinyRepo, category: 'chat', owner: 'alice' });
  });

  test('while the Hub takes its time the form says so and keeps what was typed, and then shows what is wrong under its field', async () => {
    place.hub.faults.latency = 1500;
    await openRegister();
    place.slack.submit(registration('slow', 'tests/no-such-repo'));
    await expect.poll(shown, patient).toContain('Checking…');
    expect(shown()).toContain('"initial_value":"tests/no-such-repo"');
    place.hub.faults.clear();
    await expect.poll(shown, patient).toContain('error.repo');
    const names = place.slack.view?.blocks.map((block) => block.block_id) ?? [];
    expect(names.indexOf('error.repo')).toBe(names.indexOf('repo') + 1);
    expect(shown()).toContain('"initial_value":"slow"');
  });

  test('closed before the answer is there, the form gives its outcome by direct message', async () => {
    place.hub.faults.latency = 1500;
    await openRegister();
    place.slack.submit(registration('closed-early', tinyRepo));
    await expect.poll(shown, patient).toContain('Checking…');
    place.slack.closeView();
    place.hub.faults.clear();
    await expect
      .poll(async () => JSON.stringify(await place.slack.directMessages()), patient)
      .toContain('*closed-early*');
    expect(place.slack.view).toBeUndefined();
  });

  test('the name after the command is filled in already', async () => {
    await place.slack.type('/ecolink register given-name');
    await expect.poll(shown, patient).toContain('"initial_value":"given-name"');
  });

  test('the app is there again after Slack was away', async () => {
    await place.slack.restart();
    await expect
      .poll(() => place.slack.log(), patient)
      .toContainEqual(expect.objectContaining({ summary: expect.stringContaining('hello') }));
    expect(await answerTo(place, '/ecolink help')).toContain('What you can do with EcoLink');
  });
});
