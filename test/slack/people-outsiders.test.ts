import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { inSlack } from '../support/callers.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import type { ModelFolder } from '../support/model-folder.ts';
import { reasonFormId, reasonField } from '../../src/slack/blocks/approval-blocks.ts';
import { startInstallable } from './cloud-place.ts';
import type { Installable } from './cloud-place.ts';

/** Uma approves, Max asks; Guest would approve too, were they no guest. */
const config = {
  people: [
    { name: 'root', role: 'admin', identities: ['local'] },
    { name: 'uma', role: 'approver', identities: ['slack:T1/UUMA'] },
    { name: 'guest', role: 'admin', identities: ['slack:T1/UGUEST'] },
    { name: 'max', role: 'member', identities: ['slack:T1/UMAX'] },
  ],
  policy: [{ when: { operations: ['launch_instance'] }, require: { approvers: { roles: ['approver'] } } }],
  slack: { workspaces: ['T1'] },
};
const users = {
  UUMA: { team_id: 'T1' },
  UMAX: { team_id: 'T1' },
  UGUEST: { team_id: 'T1', is_ultra_restricted: true },
};

let folder: ModelFolder;
let running: Installable;
beforeEach(async () => {
  folder = await modelFolder();
  running = await startInstallable({ config: { ...config, ...(parse(folder.config) as object) } });
  await running.install({}, running.cloud.agree({ team: 'T1', users, groups: {} }));
});
afterEach(async () => {
  await running[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function asked(): Promise<void> {
  const { core } = running.place;
  const max = await inSlack(core, 'UMAX');
  await core.execute('register_model', tiny, max);
  await core.execute('launch_instance', { model: 'tiny' }, max);
}

type Who = Record<string, unknown>;
const state = async () => (await running.place.run('get_approval', { approval: '1' }))['state'];
const click = (action: 'approve' | 'deny', who: Who) =>
  running.interact({
    type: 'block_actions',
    trigger_id: 'x',
    actions: [{ type: 'button', action_id: `approval.${action}`, block_id: 'b', value: '1' }],
    container: {},
    response_url: `${running.cloud.url}/answer`,
    ...who,
  });
const giveReason = (operation: string, who: Who) => {
  const view = { id: 'V1', type: 'modal', callback_id: reasonFormId, title: { type: 'plain_text', text: 'Deny' } };
  const values = { [reasonField]: { field: { type: 'plain_text_input', value: 'no' } } };
  const metadata = JSON.stringify({ id: '1', operation });
  return running.interact({
    type: 'view_submission',
    view: { ...view, private_metadata: metadata, blocks: [], state: { values } },
    ...who,
  });
};

test.each([
  ['a guest', { user: { id: 'UGUEST', team_id: 'T1' }, team: { id: 'T1' } }],
  [
    'somebody of another workspace in a shared channel, under an approver’s id',
    { user: { id: 'UUMA', team_id: 'T66' }, team: { id: 'T1' } },
  ],
  ['somebody of another organisation', { user: { id: 'UUMA', team_id: 'E66' }, team: { id: 'T1' } }],
  ['an approver’s id from another workspace', { user: { id: 'UUMA', team_id: 'T2' }, team: { id: 'T2' } }],
  ['a bot', { user: { id: 'UUMA', team_id: 'T1' }, team: { id: 'T1' }, bot_id: 'B1' }],
  ['Slackbot', { user: { id: 'USLACKBOT', team_id: 'T1' }, team: { id: 'T1' } }],
])('%s decides nothing, by a click or by a form, and an approver does', async (_name, who) => {
  await asked();
  await click('approve', who);
  await click('deny', who);
  for (const operation of ['deny_request', 'approve_request', 'break_glass']) await giveReason(operation, who);
  expect(await state()).toBe('pending');
  expect(running.cloud.callsOf('views.open')).toEqual([]);
  await click('approve', { user: { id: 'UUMA', team_id: 'T1' }, team: { id: 'T1' } });
  await expect.poll(state).toBe('approved');
});
