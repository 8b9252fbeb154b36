import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { Writable } from 'node:stream';
import pino from 'pino';
import { botScopes } from '../../src/slack/manifest.ts';
import { app } from '../support/slack-cloud.ts';
import { oneEach, startInstallable } from './cloud-place.ts';
import type { Installable } from './cloud-place.ts';

const ada = { user: 'UADA', team: 'T1' };
const bob = { user: 'UBOB', team: 'T2' };
const cleo = { user: 'UCLEO', team: 'T9', enterprise: 'E3' };
const unserved = 'Slack: not served';

/** Everything that is logged, without the product's redaction, which would hide what is handed over. */
function rawLog() {
  const lines: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  return { log: pino({ level: 'trace' }, stream), text: () => lines.join('') };
}

let logged: ReturnType<typeof rawLog>;
let running: Installable;
beforeEach(async () => {
  logged = rawLog();
  running = await startInstallable({ log: logged.log });
});
afterEach(() => running[Symbol.asyncDispose]());

function stored(): string[] {
  using database = openDatabase();
  return (database.handle.prepare('select id from slack_installations order by id').all() as { id: string }[]).map(
    ({ id }) => id,
  );
}

function openDatabase() {
  const handle = new Sqlite(join(running.place.dataDir, 'ecolink.db'), { readonly: true });
  return { handle, [Symbol.dispose]: () => handle.close() };
}

async function answerTo(text: string, who: Parameters<Installable['type']>[1]): Promise<string> {
  const before = running.cloud.answers.length;
  await running.type(text, who);
  await expect.poll(() => running.cloud.answers.length).toBeGreaterThan(before);
  return running.cloud.answers.at(-1) ?? '';
}

/** What the app does with a command that it leaves alone is nothing: it is known by its line in the log. */
async function isNotServed(who: Parameters<Installable['type']>[1]): Promise<void> {
  const before = logged.text().split(unserved).length;
  const answers = running.cloud.answers.length;
  await running.type('status', who);
  await expect.poll(() => logged.text().split(unserved).length).toBe(before + 1);
  expect(running.cloud.answers).toHaveLength(answers);
}

describe('an installation', () => {
  test('begins with what the app asks for, and ends with a row and a page', async () => {
    const began = await fetch(`${running.server.url}/slack/install`, { redirect: 'manual' });
    expect(began.status).toBe(302);
    const url = new URL(began.headers.get('location') ?? '');
    expect(url.origin + url.pathname).toBe(`${running.cloud.url}/oauth/v2/authorize`);
    expect(url.searchParams.get('client_id')).toBe(app.clientId);
    expect(url.searchParams.get('scope')).toBe(botScopes.join(','));
    const page = await running.install({ team: 'T1' });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('EcoLink is in Team &lt;T1&gt; now');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect(stored()).toEqual(['T1']);
    const { items } = (await running.place.run('list_audit', { operation: 'install_slack' })) as { items: object[] };
    expect(items).toMatchObject([
      { event: 'closed', outcome: 'done' },
      { event: 'opened', identity: 'slack:T1/U0ADMIN' },
    ]);
  });

  test('lets people of its workspace work, each workspace with its own token, on one registry', async () => {
    const [one, two] = [running.cloud.agree({ team: 'T1' }), running.cloud.agree({ team: 'T2' })];
    await running.install({ team: 'T1' }, one);
    await running.install({ team: 'T2' }, two);
    expect(await answerTo('status', ada)).toContain('No instance');
    await running.type('register', ada);
    await running.type('register', bob);
    await expect
      .poll(() => running.cloud.callsOf('views.open').map(({ token }) => token))
      .toEqual([one.token, two.token]);
  });

  test('of an organisation serves all of its workspaces', async () => {
    const agreed = running.cloud.agree({ enterprise: 'E3' });
    expect((await running.install({}, agreed)).status).toBe(200);
    expect(stored()).toEqual(['E3']);
    await running.type('register', cleo);
    await expect
      .poll(() => running.cloud.callsOf('views.open'))
      .toMatchObject([{ token: agreed.token, arguments: { team_id: 'T9' } }]);
  });

  test('of a place that is not listed is refused with a page, stores nothing, and gives the token back', async () => {
    for (const place of [{ team: 'T66' }, { enterprise: 'E66' }, { team: 'T66', enterprise: 'E66' }]) {
      const agreed = running.cloud.agree(place);
      const page = await running.install(place, agreed);
      expect(page.status).toBe(403);
      expect(await page.text()).toMatch(/[TE]66 is not among those that ecolink.yaml lists.*workspaces/s);
      expect(running.cloud.revoked).toContain(agreed.token);
    }
    expect(stored()).toEqual([]);
    expect(await running.place.run('list_audit', { operation: 'install_slack' })).toMatchObject({ items: [] });
  });

  test('that Slack sends without state is taken for a listed organisation alone', async () => {
    const end = ({ code }: { code: string }) => fetch(`${running.server.url}/slack/oauth_redirect?code=${code}&state=`);
    const workspace = await end(running.cloud.agree({ team: 'T1' }));
    expect(workspace.status).toBe(403);
    expect(await workspace.text()).toContain('did not begin at EcoLink');
    expect((await end(running.cloud.agree({ enterprise: 'E66' }))).status).toBe(403);
    expect(stored()).toEqual([]);
    expect((await end(running.cloud.agree({ enterprise: 'E3' }))).status).toBe(200);
    expect(stored()).toEqual(['E3']);
  });

  test('of another browser, a cancelled one and one with a used code say so', async () => {
    const end = (query: string) => fetch(`${running.server.url}/slack/oauth_redirect?${query}`);
    const began = await fetch(`${running.server.url}/slack/install`, { redirect: 'manual' });
    const state = new URL(began.headers.get('location') ?? '').searchParams.get('state');
    const other = await end(`code=${running.cloud.agree({ team: 'T1' }).code}&state=${state}`);
    expect([other.status, await other.text()]).toEqual([403, expect.stringContaining('began in another browser')]);
    const cancelled = await end('error=access_denied&state=x');
    expect([cancelled.status, await cancelled.text()]).toEqual([
      403,
      expect.stringContaining('was cancelled in Slack'),
    ]);
    expect((await end('state=x')).status).toBe(400);
    const used = await running.install({}, { code: 'used' });
    expect([used.status, await used.text()]).toEqual([403, expect.stringContaining('did not accept')]);
    expect(stored()).toEqual([]);
  });

  test('made again replaces the token, under whoever made it', async () => {
    await running.install({ team: 'T1' });
    const again = running.cloud.agree({ team: 'T1' }, { user: 'U0OTHER' });
    await running.install({ team: 'T1' }, again);
    expect(stored()).toEqual(['T1']);
    await running.type('register', ada);
    await expect.poll(() => running.cloud.callsOf('views.open')).toMatchObject([{ token: again.token }]);
  });
});

describe('the end of an installation', () => {
  test('removes the row, and nobody there is served any more', async () => {
    await running.install({ team: 'T1' });
    await running.install({ team: 'T2' });
    await running.event({ type: 'app_uninstalled' }, { team_id: 'T1' });
    await expect.poll(stored).toEqual(['T2']);
    await isNotServed(ada);
    await running.event({ type: 'tokens_revoked', tokens: { oauth: ['U1'] } }, { team_id: 'T2' });
    expect(await answerTo('status', bob)).toContain('No instance');
    expect(stored()).toEqual(['T2']);
    await running.event({ type: 'tokens_revoked', tokens: { bot: ['U0BOT'] } }, { team_id: 'T2' });
    await expect.poll(stored).toEqual([]);
  });

  test('removes that of an organisation', async () => {
    await running.install({ enterprise: 'E3' });
    const authorizations = [
      { enterprise_id: 'E3', team_id: null, user_id: 'U0BOT', is_bot: true, is_enterprise_install: true },
    ];
    await running.event({ type: 'app_uninstalled' }, { team_id: 'T9', enterprise_id: 'E3', authorizations });
    await expect.poll(stored).toEqual([]);
  });

  test('that Slack sends late leaves alone what was installed since', async () => {
    await running.install({ team: 'T1' });
    await running.event({ type: 'app_uninstalled' }, { team_id: 'T1', event_time: Math.floor(Date.now() / 1000) - 60 });
    expect(await answerTo('status', ada)).toContain('No instance');
    expect(stored()).toEqual(['T1']);
  });

  test('comes for a workspace that the config lists no more, at once, and for all with nothing listed', async () => {
    await running.install({ team: 'T1' });
    await running.write({ ...oneEach, slack: { workspaces: ['T2'] } });
    await isNotServed(ada);
    await running.write({ ...oneEach, slack: {} });
    await isNotServed(ada);
    expect((await running.install({ team: 'T1' })).status).toBe(403);
    await running.write(oneEach);
    expect(await answerTo('status', ada)).toContain('No instance');
  });
});

test('nothing that Slack gives or is given is in the database, the log or an error in clear', async () => {
  const { place, cloud } = running;
  const agreed = [cloud.agree({ team: 'T1' }), cloud.agree({ enterprise: 'E3' }), cloud.agree({ team: 'T66' })];
  const pages: string[] = [];
  for (const each of agreed) pages.push(await (await running.install({}, each)).text());
  await running.install({}, { code: 'used' });
  await answerTo('status', ada);
  // Errors of a call that never came through hold more than those that Slack answers with.
  for (const method of ['views.open', 'oauth.v2.access']) cloud.broken.set(method, 'hang_up');
  await answerTo('register', ada);
  agreed.push(cloud.agree({ team: 'T2' }));
  const unreachable = await running.install({}, agreed.at(-1));
  expect(unreachable.status).toBe(503);
  pages.push(await unreachable.text(), ...cloud.answers);
  await running.event({ type: 'app_uninstalled' }, { team_id: 'T66' });
  const files = (await readdir(place.dataDir)).filter(
    (name) => name.startsWith('ecolink.db') || name.endsWith('.jsonl'),
  );
  expect(files).toContain('ecolink.db-wal');
  const bytes = (await Promise.all(files.map((name) => readFile(join(place.dataDir, name), 'latin1')))).join('');
  const secrets = [
    ...agreed.map(({ token }) => token),
    ...agreed.map(({ code }) => code),
    app.clientSecret,
    app.signingSecret,
  ];
  for (const secret of secrets) {
    for (const form of [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ]) {
      expect(bytes).not.toContain(form);
      expect(logged.text()).not.toContain(form);
      expect(pages.join('')).not.toContain(form);
    }
  }
  // What is looked for would be found: the row is there, and so are lines about it.
  expect(bytes).toContain('slack:T1/U0ADMIN');
  expect(logged.text()).toContain('the app was installed');
});
