import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLinks } from '../../src/core/access/one-time-links.ts';
import { createTokenLinks, tokenPages } from '../../src/core/access/tokens/token-links.ts';
import type { Caller } from '../../src/core/base/caller.ts';
import { openStore } from '../../src/core/store/store.ts';
import { inSlack } from '../support/callers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { threePeople } from '../support/credentials.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const log = capturedLog();
let server: TestServer;
let bob: Caller;
beforeEach(async () => {
  server = await startTestServer({
    log: log.log,
    prepare: (dataDir) => writeFile(join(dataDir, 'ecolink.yaml'), threePeople),
  });
  bob = await inSlack(server.core, 'BOB');
});
afterEach(() => server[Symbol.asyncDispose]());

/** A link as Slack gives it. */
async function link(caller = bob): Promise<string> {
  const { tokens } = server.core;
  return new URL(tokens.url((await tokens.links.make(caller)).id)).pathname;
}

async function browse(path: string, fields?: string): Promise<{ status: number; html: string }> {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await fetch(server.url + path, fields ? { method: 'POST', headers: form, body: fields } : {});
  return { status: answer.status, html: await answer.text() };
}

const tokenIn = (html: string): string => />(eco_[\w-]{43})</.exec(html)?.[1] ?? expect.fail(html);
const mine = () => server.core.tokens.list(bob);

test('a link from Slack opens a page that makes one token of that person and shows it once', async () => {
  const path = await link();
  expect(path).toMatch(/^[/]tokens[/][\w-]{43}$/);
  const shown = await browse(path);
  expect([shown.status, (await browse(path)).status]).toEqual([200, 200]);
  expect(shown.html).toContain('The token acts for <b>bob</b>');
  const made = await browse(path, 'name=my-laptop&agent=no&scopes=call&scopes=operate');
  const token = tokenIn(made.html);
  expect(await server.core.access.callerOfToken(token, 'http')).toMatchObject({
    person: { name: 'bob', role: 'member' },
    agent: false,
    mayDecide: false,
    scopes: ['call', 'operate'],
  });
  for (const again of [await browse(path), await browse(path, 'name=other&scopes=call')]) {
    expect(again.status).toBe(404);
    expect(again.html).toContain('Ask for a new link where you got this one.');
    expect(again.html).not.toContain(token);
  }
  expect(await mine()).toMatchObject([{ name: 'my-laptop' }]);
  expect(JSON.stringify(await mine())).not.toContain(token);
  expect(log.text()).toContain('/tokens/:link');
  expect(log.text()).not.toContain(token);
  expect(log.text()).not.toContain(path.split('/').at(-1));
});

test("an assistant's token is an agent everywhere, and cannot be one that decides", async () => {
  const path = await link();
  const both = await browse(path, 'name=helper&agent=yes&scopes=operate&may_decide=yes');
  expect(both.status).toBe(400);
  expect(both.html).toMatch(/id="may_decide-wrong">An assistant&#39;s token cannot decide/);
  expect(await mine()).toEqual([]);
  const token = tokenIn((await browse(path, 'name=helper&agent=yes&scopes=operate')).html);
  const callers = [
    await server.core.access.callerOfToken(token, 'http'),
    await server.core.access.callerOfToken(token, 'cli'),
  ];
  for (const caller of callers) expect(caller).toMatchObject({ agent: true, mayDecide: false });
});

test('only a person who may decide can make a token that may decide, and the page offers it to nobody else', async () => {
  const path = await link();
  expect((await browse(path)).html).toContain('name="may_decide"');
  const token = tokenIn((await browse(path, 'name=decides&agent=no&scopes=operate&may_decide=yes')).html);
  expect(await server.core.access.callerOfToken(token, 'cli')).toMatchObject({ mayDecide: true });
  const plain = await link({ ...bob, mayDecide: false });
  expect((await browse(plain)).html).not.toContain('name="may_decide"');
  const tried = await browse(plain, 'name=other&agent=no&scopes=operate&may_decide=yes');
  expect([tried.status, tried.html]).toEqual([403, expect.stringContaining('Decisions are made by people')]);
});

test('an error is shown under its field, the typed values stay, and the link stays valid', async () => {
  const path = await link();
  const named = await browse(path, 'name=my <b>laptop&agent=yes&scopes=read');
  expect(named.status).toBe(400);
  expect(named.html).toMatch(
    /value="my &lt;b&gt;laptop" aria-describedby="name-hint name-wrong" aria-invalid="true" autofocus/,
  );
  expect(named.html).toMatch(/name="agent" value="yes" checked/);
  expect(named.html).toMatch(/name="scopes" value="call"><span>/);
  expect((await browse(path, 'name=a&agent=no')).html).toContain('id="scopes-wrong">A token needs a scope.');
  expect((await browse(path, 'name=a&scopes=call')).status).toBe(200);
  const second = await link();
  expect((await browse(second, 'name=a&scopes=call')).html).toContain('You have a token named &quot;a&quot; already.');
});

test('a link expires after 10 minutes or with the role of its person, and opens no page of another kind', async () => {
  const path = await link();
  const id = path.split('/').at(-1) ?? '';
  expect((await browse(`/credentials/${id}`)).status).toBe(404);
  await using store = await openStore({ dataDir: server.dataDir });
  const { access, tokens } = server.core;
  const linksAfter = (seconds: number) => {
    const now = (): Date => new Date(Date.now() + seconds * 1000);
    return createTokenLinks(createLinks({ access, store, now }, tokenPages), tokens);
  };
  expect(await linksAfter(590).find(id)).toMatchObject({ person: { name: 'bob' } });
  await expect(linksAfter(601).use(id, { name: 'late', scopes: ['call'] })).rejects.toMatchObject({
    code: 'link_not_found',
  });
  await writeFile(join(server.dataDir, 'ecolink.yaml'), threePeople.replace(/.*bob.*\n/, ''));
  await expect.poll(async () => (await browse(path, 'name=a&scopes=call')).status).toBe(404);
});

test('many forms that are sent at once make one token', async () => {
  const id = (await link()).split('/').at(-1) ?? '';
  const { links } = server.core.tokens;
  const uses = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => links.use(id, { name: `t-${index}`, scopes: ['call'] })),
  );
  expect(uses.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await mine()).toHaveLength(1);
});

test('an assistant gets no link, and the audit shows who made a token, without its value', async () => {
  await expect(server.core.tokens.links.make({ ...bob, agent: true })).rejects.toMatchObject({ code: 'person_needed' });
  const token = tokenIn((await browse(await link(), 'name=my-laptop&scopes=call')).html);
  await server.core.tokens.revoke('my-laptop', bob);
  const caller = (await server.core.access.callerOfToken(server.localToken, 'cli')) ?? expect.fail('Ada is local');
  for (const operation of ['create_token', 'revoke_token']) {
    const { items } = await server.core.execute('list_audit', { operation }, caller);
    expect(items).toMatchObject([
      { event: 'closed', outcome: 'done' },
      {
        event: 'opened',
        person: 'bob',
        identity: 'slack:T1/BOB',
        input: expect.stringContaining('my-laptop'),
      },
    ]);
    expect(JSON.stringify(items)).not.toContain(token);
  }
});

test('two people may have tokens with the same name, and each revokes their own', async () => {
  const { tokens, access } = server.core;
  const ada = (await access.callerOfToken(server.localToken, 'cli')) ?? expect.fail('Ada is local');
  const cleo = (await access.personOfSlack('T1', 'CLEO')) ?? expect.fail('Cleo is configured');
  const made = [bob, { ...bob, person: cleo }].map((caller) =>
    tokens.create({ name: 'laptop', scopes: ['call'] }, caller),
  );
  const [bobs, cleos] = await Promise.all(made);
  await expect(tokens.revoke('laptop', ada)).rejects.toMatchObject({ code: 'token_ambiguous' });
  await tokens.revoke('laptop', bob);
  expect(await access.callerOfToken(bobs?.token ?? '', 'http')).toBeUndefined();
  expect(await access.callerOfToken(cleos?.token ?? '', 'http')).toMatchObject({ person: { name: 'cleo' } });
  await expect(tokens.revoke('laptop', bob)).rejects.toMatchObject({ code: 'token_not_found' });
  expect(await tokens.revoke('laptop', ada)).toMatchObject({ person: 'cleo' });
});
