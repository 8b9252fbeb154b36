import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/base/caller.ts';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { newToken } from '../support/credentials.ts';
import { patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { breachesOfModal } from '../support/slack-limits.ts';
import { asking, config } from './asking.ts';
import { chosenModel, planInSlack } from './launching.ts';
import type { Place } from './place.ts';

const { alice, stranger: mel } = workspace;

const policy = [
  {
    name: 'no endless launches',
    when: { operations: ['launch_instance'], stop_after: false, roles: ['member'] },
    deny: 'say when it ends',
  },
  {
    name: 'members ask',
    when: { operations: ['launch_instance'], roles: ['member'] },
    require: { approvers: { roles: ['approver'] }, reason_required: true },
  },
];

describe.skipIf(withoutLocalSlack)('the plan of a launch in Slack', () => {
  let place: Place;
  let app: Slack;
  let asker: Caller;

  beforeAll(async () => {
    ({ place, mel: asker } = await asking({ config: { ...config, policy } }));
    app = await startSlack(place.core);
  });
  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    place.slack.closeView();
    place.slack.closeView(mel);
  });

  const shown = () => JSON.stringify(place.slack.view?.blocks ?? []);
  const button = () => place.slack.view?.submit?.text;
  const launched = async () => (await place.core.execute('list_instances', {}, place.alice)).items.length;

  test('a typed line that says everything opens at its plan, and runs nothing', async () => {
    await place.slack.type('/ecolink launch *tiny* 8h "for the demo"', alice);
    await expect.poll(button, patient).toBe('Launch');
    expect(shown()).toContain('launch.change');
    expect(breachesOfModal(place.slack.view as NonNullable<typeof place.slack.view>)).toEqual([]);
    expect(await launched()).toBe(0);
  });

  test('a typed line that is not understood opens the form, with what was understood', async () => {
    await place.slack.type('/ecolink launch tin 2xb200 8h', alice);
    await expect.poll(button, patient).toBe('Show the plan');
    expect(shown()).toContain('Not understood: `2xb200`');
    expect(place.slack.view?.blocks).toContainEqual(
      expect.objectContaining({
        block_id: 'model',
        element: expect.objectContaining({ initial_option: expect.objectContaining({ value: 'tiny' }) }),
      }),
    );
    expect(shown()).toContain('"initial_option":{"text":{"type":"plain_text","text":"8 hours"},"value":"8h"}');
  });

  test('the form grows what the policy wants, one after the other, and then asks for approval', async () => {
    const { slack } = place;
    await slack.type('/ecolink launch tiny', mel);
    await expect.poll(button, patient).toBe('Show the plan');
    slack.submit(chosenModel('tiny'), mel);
    await expect.poll(shown, patient).toContain('The policy wants an end for this launch');
    slack.submit({ stop_after: { field: { selected_option: { value: '8h' } } } }, mel);
    await expect.poll(shown, patient).toContain('The policy wants a reason');
    slack.submit({ reason: { field: { value: 'demo' } } }, mel);
    await expect.poll(button, patient).toBe('Ask for approval');
    expect(shown()).toContain('Needs 1 approval of: alice, root · rule “members ask”');
    slack.submit({}, mel);
    await expect.poll(shown, patient).toContain('awaiting approval');
    const { items } = await place.core.execute('list_approvals', { state: 'pending' }, asker);
    expect(items).toHaveLength(1);
  });

  test('a plan that has changed is shown anew, marked, and nothing runs', async () => {
    const { slack, core } = place;
    await planInSlack(slack, 'tiny');
    const form = JSON.parse(slack.view?.private_metadata ?? '') as { digest: string };
    expect(form.digest).not.toBe('');
    // The world changes between the plan and the click.
    await core.execute('delete_model', { model: 'tiny' }, asker);
    place.hub.addRepo('tests/other', { files: { 'other.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
    await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: 'tests/other' }, asker);
    slack.submit({});
    await expect.poll(shown, patient).toContain('The plan has changed since you saw it');
    expect(await launched()).toBe(0);
    slack.submit({});
    await expect.poll(launched, patient).toBe(1);
  });

  test('a token typed as a reason or an argument is refused before Slack keeps it in the form', async () => {
    const { slack } = place;
    await slack.type('/ecolink launch', alice);
    await expect.poll(button, patient).toBe('Show the plan');
    const token = newToken();
    slack.submit({ ...chosenModel('tiny'), reason: { field: { value: token } } });
    await expect.poll(() => slack.errors['reason'], patient).toContain('Revoke that token');
    expect(JSON.stringify(slack.view)).not.toContain(token);
  });

  test('an entry of a menu that did not load is refused', async () => {
    const { slack } = place;
    await slack.type('/ecolink launch', alice);
    await expect.poll(button, patient).toBe('Show the plan');
    slack.submit(chosenModel('try again'));
    await expect.poll(() => slack.errors['model'], patient).toContain('did not load');
  });
});
