import { request } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createCredentialLinks, credentialPages } from '../../src/core/access/credentials/credential-links.ts';
import { createLinks } from '../../src/core/access/one-time-links.ts';
import { openStore } from '../../src/core/store/store.ts';
import { connect } from '../../src/client/client.ts';
import { newToken, threePeople } from '../support/credentials.ts';
import { startHub } from '../support/hub/hub.ts';
import type { Hub } from '../support/hub/hub.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

let hub: Hub;
let server: TestServer;
let token: string;
let bobs: string;
let keys: string;
beforeEach(async () => {
  hub = await startHub();
  keys = await mkdtemp(join(tmpdir(), 'ecolink-key-'));
  server = await startTestServer({
    environment: { HF_ENDPOINT: hub.endpoint, ECOLINK_KEY_FILE: join(keys, 'key') },
    prepare: (dataDir) => writeFile(join(dataDir, 'ecolink.yaml'), threePeople),
  });
  token = newToken();
  hub.addToken(token, { user: 'bobby' });
  const bob = await server.core.access.personOfSlack('T1', 'BOB');
  bobs = (await server.core.access.createToken(bob ?? expect.fail('Bob is configured.'), 'bobs', ['operate'])).token;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await hub.close();
  await rm(keys, { recursive: true, force: true });
});

const answerBody = z.looseObject({
  items: z.array(z.looseObject({})).default([]),
  error: z.object({ code: z.string() }).default({ code: '' }),
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await server.fetch(path, {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${bobs}`, ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    body: answerBody.parse(await answer.json()),
  };
}

/** Requests a page like a browser, without an EcoLink token. */
function browse(
  path: string,
  fields?: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(
    server.url + path,
    fields
      ? { method: 'POST', headers: { ...form, ...headers }, body: new URLSearchParams(fields).toString() }
      : { headers },
  );
}

async function credentials(): Promise<Record<string, unknown>[]> {
  return (await post('/api/operations/list_credentials', {})).body.items;
}

/** A link that Slack gave to Bob alone. */
async function privateLink(): Promise<string> {
  const caller = await server.core.access.callerOfToken(bobs, 'http');
  const { credentials: stored } = server.core;
  const { id } = await stored.links.make({ name: 'mine' }, caller ?? expect.fail('Bob has a token.'), true);
  return new URL(stored.url(id)).pathname;
}

describe('POST /api/credentials', () => {
  test('stores a token, and no answer has it', async () => {
    const added = await post('/api/credentials', { name: 'mine', value: token });
    expect([added.status, added.body]).toMatchObject([201, { credential: 'mine', account: 'bobby' }]);
    expect(JSON.stringify([added.body, await credentials()])).not.toContain(token);
    const refused = await post('/api/credentials', { name: 'other', value: `${token}x` });
    expect([refused.status, refused.body.error.code]).toEqual([403, 'token_refused']);
    expect(JSON.stringify(refused.body)).not.toContain(token);
  });

  test('is for people who may operate, and not for assistants', async () => {
    const body = { name: 'mine', value: token };
    const assistant = await post('/api/credentials', body, { 'ecolink-source': 'mcp' });
    expect([assistant.status, assistant.body.error.code]).toEqual([403, 'person_needed']);
    const reader = { authorization: `Bearer ${await server.token('read', 'call')}` };
    expect((await post('/api/credentials', body, reader)).body.error.code).toBe('scope_missing');
    expect((await post('/api/credentials', body, { authorization: '' })).status).toBe(401);
    expect((await post('/api/keys/rotate', { confirm: 'rotate' })).body.error.code).toBe('role_missing');
    expect(await credentials()).toEqual([]);
  });

  test('reports a bad body without repeating it', async () => {
    for (const body of [
      {},
      { name: 'mine' },
      { name: 1, value: token },
      { name: 'mine', value: token, extra: token },
      [token],
    ]) {
      const refused = await post('/api/credentials', body);
      expect(refused.status).toBe(400);
      expect(JSON.stringify(refused.body)).not.toContain(token);
    }
  });

  test('answers the client of the command line', async () => {
    const client = await connect({ dataDir: server.dataDir, source: 'cli' });
    expect(await client.credentials.add({ name: 'local', value: token })).toMatchObject({ state: 'added' });
    expect(await client.credentials.rotateKey()).toMatchObject({ rows: 1 });
  });
});

describe('the page', () => {
  test('of a link that was given to one person names the account, and works once', async () => {
    const path = await privateLink();
    const shown = await browse(path);
    const html = await shown.text();
    expect(html).toContain('<b>mine</b> in the EcoLink account of <b>bob</b>');
    expect(html).not.toContain('ecolink_token');
    // A preview of the link in a chat opens it too.
    expect((await browse(path)).status).toBe(200);
    const refused = await browse(path, { value: 'hf_thisIsNoTokenAtAll' });
    const said = await refused.text();
    expect(refused.status).toBe(403);
    expect(said).toMatch(
      /aria-describedby="value-hint value-wrong" aria-invalid="true" autofocus>\n<p class="wrong" id="value-wrong">The Hub refuses/,
    );
    expect(said).not.toContain('hf_thisIsNoTokenAtAll');
    const stored = await browse(path, { value: ` ${token}\n` }, { origin: server.url });
    expect([stored.status, await stored.text()]).toEqual([200, expect.stringContaining('<b>bobby</b>')]);
    expect(await credentials()).toMatchObject([{ credential: 'mine', owner: 'bob' }]);
    for (const again of [await browse(path), await browse(path, { value: token })]) {
      expect([again.status, await again.text()]).toEqual([404, expect.stringContaining('older than 10 minutes')]);
    }
  });

  test("of any other link asks for the person's own EcoLink token", async () => {
    const { status, body } = await post('/api/credential-links', { name: 'mine', shared: true });
    expect(status).toBe(201);
    expect(String(body['url'])).toMatch(/\/credentials\/[\w-]{43}$/);
    const path = new URL(String(body['url'])).pathname;
    expect(await (await browse(path)).text()).toContain('EcoLink token of bob');
    const wrongs: Record<string, string>[] = [{}, { ecolink_token: 'x' }, { ecolink_token: server.localToken }];
    for (const wrong of wrongs) {
      const refused = await browse(path, { value: token, ...wrong });
      expect([refused.status, await refused.text()]).toEqual([
        401,
        expect.stringContaining('id="ecolink_token-wrong">That is not an EcoLink token of bob'),
      ]);
    }
    expect(await credentials()).toEqual([]);
    expect((await browse(path, { value: token, ecolink_token: bobs })).status).toBe(200);
    expect(await credentials()).toMatchObject([{ credential: 'mine', owner: 'bob', shared: true }]);
  });

  test('expires after 10 minutes', async () => {
    const id = (await privateLink()).split('/').at(-1) ?? '';
    await using store = await openStore({ dataDir: server.dataDir });
    const { access, credentials: desk } = server.core;
    const linksAfter = (seconds: number) =>
      createCredentialLinks(
        createLinks({ access, store, now: () => new Date(Date.now() + seconds * 1000) }, credentialPages),
        desk,
      );
    expect(await linksAfter(590).find(id)).toMatchObject({ name: 'mine' });
    await expect(linksAfter(601).find(id)).rejects.toMatchObject({ code: 'link_not_found' });
    await expect(linksAfter(601).use(id, token, undefined)).rejects.toMatchObject({ code: 'link_not_found' });
  });

  test('stores once if many forms are sent at once', async () => {
    const id = (await privateLink()).split('/').at(-1) ?? '';
    const { links } = server.core.credentials;
    const uses = await Promise.allSettled(Array.from({ length: 8 }, () => links.use(id, token, undefined)));
    expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const use of uses) {
      if (use.status === 'rejected') expect(use.reason).toMatchObject({ code: 'link_not_found' });
    }
  });

  test('cannot run scripts, be framed, be cached or send its form elsewhere, and its own form passes the origin check', async () => {
    const path = await privateLink();
    const { headers } = await browse(path);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
    // With "no-referrer", a browser sends `Origin: null` with the form, which is refused.
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect((await browse(path, { value: token }, { origin: 'null' })).status).toBe(403);
    expect((await browse(path, { value: token }, { origin: 'https://evil.example' })).status).toBe(403);
    expect(await statusWithHost(path, 'evil.example')).toBe(403);
    expect(await credentials()).toEqual([]);
  });

  test('does not exist with another id, or after its person lost the role', async () => {
    expect((await browse(`/credentials/${'A'.repeat(43)}`)).status).toBe(404);
    const path = await privateLink();
    await writeFile(join(server.dataDir, 'ecolink.yaml'), threePeople.replace(/.*bob.*\n/, ''));
    await expect.poll(async () => (await browse(path)).status).toBe(404);
    expect((await browse(path, { value: token })).status).toBe(404);
  });
});

/** `fetch` does not let its caller set the Host header. */
function statusWithHost(path: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(server.url + path, { headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}
