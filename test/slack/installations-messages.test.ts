import { expect, onTestFinished, test } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { startServer } from '../../src/http/server.ts';
import { inSlack } from '../support/callers.ts';
import { startHub } from '../support/hub/hub.ts';
import { startInstallable } from './cloud-place.ts';
import type { Installable } from './cloud-place.ts';
import { tinyRepo } from './place.ts';

const policy = [
  { name: 'launches', when: { operations: ['launch_instance'] }, require: { approvers: { roles: ['approver'] } } },
];
const people = [
  { name: 'root', role: 'member', identities: ['local'] },
  { name: 'ada', role: 'approver', identities: ['slack:T1/UADA'] },
  { name: 'bob', role: 'member', identities: ['slack:T2/UBOB'] },
];
const patient = { timeout: 20_000 };

async function start(channel?: string) {
  const hub = await startHub();
  onTestFinished(() => hub.close());
  hub.addRepo(tinyRepo, { files: { 'tiny.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
  const slack = { workspaces: ['T1', 'T2'], ...(channel === undefined ? {} : { channel }) };
  const running = await startInstallable({
    config: { people, policy, slack },
    environment: { HF_ENDPOINT: hub.endpoint },
  });
  onTestFinished(() => running[Symbol.asyncDispose]());
  const tokens = { T1: running.cloud.agree({ team: 'T1' }), T2: running.cloud.agree({ team: 'T2' }) };
  for (const agreed of Object.values(tokens)) await running.install({}, agreed);
  return { running, tokens: { T1: tokens.T1.token, T2: tokens.T2.token } };
}

async function askForLaunch(running: Installable): Promise<void> {
  const bob = await inSlack(running.place.core, 'UBOB', 'T2');
  const { core } = running.place;
  await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, bob);
  expect(await core.execute('launch_instance', { model: 'tiny' }, bob)).toMatchObject({ state: 'awaiting_approval' });
}

function sent({ cloud }: Installable, method: string) {
  return cloud.callsOf(method).map(({ token, arguments: given }) => ({ token, channel: given['channel'] }));
}

test('a request is shown in the channel of its workspace and kept true there, after a restart too, each with that token', async () => {
  const { running, tokens } = await start('T2/C9');
  await askForLaunch(running);
  await expect.poll(() => sent(running, 'chat.postMessage'), patient).toEqual([{ token: tokens.T2, channel: 'C9' }]);
  await running.server.close();
  await using again = await startServer(running.place.core);
  expect(again.url).toContain('http://');
  const ada = await inSlack(running.place.core, 'UADA', 'T1');
  await running.place.core.execute('approve_request', { approval: '1' }, ada);
  await expect.poll(() => sent(running, 'chat.update'), patient).toContainEqual({ token: tokens.T2, channel: 'C9' });
  expect(sent(running, 'chat.update').map(({ token }) => token)).not.toContain(tokens.T1);
});

test('without a channel who decides is asked in their workspace, and who asked is answered in theirs', async () => {
  const { running, tokens } = await start();
  await askForLaunch(running);
  await expect.poll(() => sent(running, 'chat.postMessage'), patient).toEqual([{ token: tokens.T1, channel: 'UADA' }]);
  const ada = await inSlack(running.place.core, 'UADA', 'T1');
  await running.place.core.execute('deny_request', { approval: '1', reason: 'no' }, ada);
  await expect
    .poll(() => sent(running, 'chat.postMessage'), patient)
    .toEqual([
      { token: tokens.T1, channel: 'UADA' },
      { token: tokens.T2, channel: 'UBOB' },
    ]);
});

test('where the workspace of who decides removed the app, the request waits and nothing fails', async () => {
  const { running } = await start();
  await running.place.core.installations.remove('T1', new Date(Date.now() + 1000));
  await askForLaunch(running);
  const ada = await inSlack(running.place.core, 'UADA', 'T1');
  await running.place.core.execute('deny_request', { approval: '1', reason: 'no' }, ada);
  expect(sent(running, 'chat.postMessage').filter(({ channel }) => channel === 'UADA')).toEqual([]);
});
