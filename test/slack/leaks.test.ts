import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readLocalToken, readServerFile } from '../../src/client/data-folder.ts';
import { slackEventsPath } from '../../src/slack/manifest.ts';
import { childEnvironment, mainFile } from '../cli/support/run-program.ts';
import { newToken } from '../support/credentials.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { searchFor } from '../support/leak-search.ts';
import { LocalSlack, patient, withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { RecordingProxy } from '../support/recording-proxy.ts';

const { team, alice, channel } = workspace;

/** One for each way into Slack, so that a find says which way leaks. */
const secrets = {
  'typed as a command': newToken(),
  'typed behind a command': newToken(),
  'typed as the name of a credential': newToken(),
  'typed as a code': newToken(),
  'typed into a field': newToken(),
  'typed into a menu': newToken(),
  'given as a reason': newToken(),
  'typed on the page that Slack linked': newToken(),
};
const { found, inFiles, inProcesses } = searchFor(secrets);

const config = {
  people: [
    { name: 'root', role: 'admin', identities: ['local'] },
    { name: 'alice', role: 'approver', identities: [`slack:${team}/${alice}`] },
  ],
  policy: [{ when: { operations: ['register_model'] }, require: { approvers: { people: ['alice'] } } }],
  slack: { channel },
};

let root: string;
let dataDir: string;
let hub: Hub;
/** From Slack to EcoLink, and from EcoLink to Slack. */
let inward: RecordingProxy;
let outward: RecordingProxy;
let slack: LocalSlack;
let server: ChildProcess;
let url: string;

async function setUp(): Promise<void> {
  root = await mkdtemp(join(tmpdir(), 'ecolink-slack-leaks-'));
  dataDir = join(root, 'data');
  hub = await startHub();
  hub.addToken(secrets['typed on the page that Slack linked']);
  hub.addRepo('acme/open', { files: { 'model.safetensors': { size: 1000, seed: 1 } } });
  [inward, outward] = await Promise.all([RecordingProxy.start(), RecordingProxy.start()]);
  slack = await LocalSlack.start(inward.url + slackEventsPath);
  outward.target = slack.url;
  await writeFile(join(root, 'ecolink.yaml'), JSON.stringify(config));
  server = spawn(process.execPath, [mainFile, 'serve'], {
    env: childEnvironment({
      ECOLINK_DATA_DIR: dataDir,
      ECOLINK_CONFIG: join(root, 'ecolink.yaml'),
      ECOLINK_KEY_FILE: join(root, 'key'),
      ECOLINK_PORT: '0',
      ECOLINK_LOG_LEVEL: 'trace',
      HF_ENDPOINT: hub.endpoint,
      SLACK_BOT_TOKEN: workspace.botToken,
      SLACK_SIGNING_SECRET: workspace.signingSecret,
      SLACK_API_URL: `${outward.url}/api/`,
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(root, 'server.log'));
  server.stdout?.pipe(log);
  server.stderr?.pipe(log);
  ({ url } = await vi.waitUntil(() => readServerFile(dataDir), { timeout: 60_000, interval: 200 }));
  inward.target = url;
}

const lastSaid = async () => JSON.stringify((await slack.messages()).at(-1)?.blocks ?? []);
const says = (words: string | RegExp) => expect.poll(lastSaid, patient).toMatch(words);

async function typeCommands(): Promise<void> {
  for (const [how, before] of [
    ['typed as a command', ''],
    ['typed behind a command', 'register '],
    ['typed behind a command', 'status '],
    ['typed as the name of a credential', 'credential add '],
    ['typed as a code', 'claim '],
  ] as const) {
    const count = (await slack.messages()).length;
    await slack.type(`/ecolink ${before}${secrets[how]}`);
    await expect.poll(async () => (await slack.messages()).length, patient).toBeGreaterThan(count);
    expect(await lastSaid()).toContain('Revoke that token');
  }
}

async function fillForm(): Promise<void> {
  await slack.type('/ecolink register');
  await expect.poll(() => slack.view?.submit?.text, patient).toBe('Register');
  const token = secrets['typed into a field'];
  const field = (value: string) => ({ field: { value } });
  slack.submit({
    name: field(token),
    source: { switch: { selected_option: { value: 'huggingface' } } },
    repo: field(token),
    revision: field(token),
    category: { field: { selected_option: { value: secrets['typed into a menu'] } } },
  });
  const told = () => JSON.stringify([slack.errors, slack.view?.blocks]);
  await expect.poll(told, patient).toContain('Revoke that token');
  slack.closeView();
}

async function denyWithOne(): Promise<void> {
  const authorization = `Bearer ${await readLocalToken(dataDir)}`;
  const body = JSON.stringify({ name: 'open', source: 'huggingface', repo: 'acme/open', category: 'chat' });
  const headers = { authorization, 'content-type': 'application/json' };
  const held = await fetch(`${url}/api/operations/register_model`, { method: 'POST', headers, body });
  expect(await held.text()).toContain('awaiting_approval');
  const request = async () => (await slack.messages()).find(({ text }) => text.startsWith('Request 1'));
  await expect.poll(request, patient).toBeDefined();
  const message = await request();
  if (!message) throw new Error('There is no message');
  await slack.click(message, 'approval.deny');
  await expect.poll(() => slack.view?.submit?.text, patient).toBe('Deny');
  slack.submit({ reason: { field: { value: `no: ${secrets['given as a reason']}` } } });
  await expect.poll(() => JSON.stringify(slack.errors), patient).toContain('Revoke that token');
}

async function useThePage(): Promise<void> {
  slack.closeView();
  await slack.type('/ecolink credential add mine');
  await says('/credentials/');
  const page = new URL(/https?:[^|"\\]+\/credentials\/[^|"\\]+/.exec(await lastSaid())?.[0] ?? '');
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const value = `value=${secrets['typed on the page that Slack linked']}`;
  const stored = await fetch(url + page.pathname, { method: 'POST', headers: form, body: value });
  const told = await stored.text();
  expect(told).toContain('Stored');
  expect(found('page', told)).toEqual([]);
  await slack.type('/ecolink credential');
  await says('mine');
}

describe.skipIf(withoutLocalSlack)('a token that somebody types into Slack', () => {
  beforeAll(setUp, 90_000);
  afterAll(async () => {
    server.kill('SIGTERM');
    await once(server, 'exit');
    await slack.close();
    await Promise.all([hub.close(), inward[Symbol.asyncDispose](), outward[Symbol.asyncDispose]()]);
    await rm(root, { recursive: true, force: true });
  });

  test(
    'is refused, and found nowhere but in what Slack itself sent: no traffic either way, no file, log, process or audit',
    { timeout: 180_000 },
    async () => {
      await typeCommands();
      await fillForm();
      await denyWithOne();
      await useThePage();

      // Slack has seen what was typed into it, and sends that on. What the page got, it has not.
      const typed = inward.exchanges.flatMap(({ path, sent }) => found(path, sent));
      expect(new Set(typed.map((find) => find.split(':')[0]))).toEqual(
        new Set(Object.keys(secrets).filter((how) => how !== 'typed on the page that Slack linked')),
      );
      expect(inward.exchanges.flatMap(({ path, answered }) => found(path, answered))).toEqual([]);
      expect(outward.exchanges.map(({ path }) => path)).toEqual(expect.arrayContaining(['/api/views.open']));
      expect(
        outward.exchanges.flatMap(({ path, sent, answered }) => [...found(path, sent), ...found(path, answered)]),
      ).toEqual([]);
      // What goes to the address that a payload names does not pass the proxy.
      const toSlack = (await slack.log()).filter(({ direction }) => direction === 'from_bot');
      expect(toSlack.length).toBeGreaterThan(0);
      expect(found('log of Slack', JSON.stringify(toSlack))).toEqual([]);
      expect(found('messages', JSON.stringify(await slack.messages()))).toEqual([]);

      expect(await inFiles(root)).toEqual([]);
      expect(await inProcesses(server.pid)).toEqual([]);
      const log = await readFile(join(root, 'server.log'), 'utf8');
      expect(log).toContain('"level":20');
      const authorization = `Bearer ${await readLocalToken(dataDir)}`;
      const audit = await fetch(`${url}/api/operations/list_audit`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: '{"limit":100}',
      });
      const rows = await audit.text();
      expect(rows).toContain('credential');
      expect(found('audit', rows)).toEqual([]);
    },
  );
});
