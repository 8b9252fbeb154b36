import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { atTerminal } from '../support/callers.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const json = { 'content-type': 'application/json' };

const madeOrRefused = z.looseObject({
  token: z.string().default(''),
  summary: z.looseObject({ id: z.string() }).default({ id: '' }),
  error: z.object({ code: z.string() }).default({ code: '' }),
});

async function create(server: TestServer, body: unknown, headers: Record<string, string> = {}) {
  const answer = await server.fetch('/api/tokens', {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    body: madeOrRefused.parse(await answer.json()),
  };
}

async function list(server: TestServer, headers: Record<string, string> = {}): Promise<{ name: string }[]> {
  const answer = await server.fetch('/api/tokens', { headers });
  return z.object({ items: z.array(z.looseObject({ name: z.string() })) }).parse(await answer.json()).items;
}

function revoke(server: TestServer, token: string, headers: Record<string, string> = {}): Promise<Response> {
  const init = { method: 'DELETE', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
  return server.fetch(`/api/tokens/${token}`, init);
}

test("a token's value is shown once, works, and is refused after it was revoked", async () => {
  await using server = await startTestServer();
  const { status, body } = await create(server, { name: 'laptop', scopes: ['read', 'read'] });
  expect(status).toBe(201);
  expect(body.summary).toMatchObject({ name: 'laptop', scopes: ['read'] });
  const listed = await list(server);
  expect(listed.map((token) => token.name)).toEqual(['laptop']);
  expect(JSON.stringify(listed)).not.toContain(body.token);
  const headers = { authorization: `Bearer ${body.token}` };
  expect((await server.fetch('/metrics', { headers })).status).toBe(200);
  const revoked = await revoke(server, body.summary.id);
  expect([revoked.status, await revoked.json()]).toMatchObject([200, { id: body.summary.id }]);
  expect((await server.fetch('/metrics', { headers })).status).toBe(401);
  expect((await revoke(server, 'laptop')).status).toBe(404);
});

test('a bad name, unknown scopes and a name that is taken are refused', async () => {
  await using server = await startTestServer();
  for (const body of [
    {},
    { name: 'a b', scopes: ['read'] },
    { name: 'a', scopes: [] },
    { name: 'a', scopes: ['root'] },
    { name: 'a', scopes: ['read'], x: 1 },
  ]) {
    expect((await create(server, body)).status).toBe(400);
  }
  await create(server, { name: 'a', scopes: ['read'] });
  const again = await create(server, { name: 'a', scopes: ['read'] });
  expect([again.status, again.body.error.code]).toEqual([409, 'token_exists']);
});

test('an assistant cannot make, see or revoke tokens', async () => {
  await using server = await startTestServer();
  const agent = { 'ecolink-source': 'mcp' };
  const made = await create(server, { name: 'a', scopes: ['read'] }, agent);
  expect([made.status, made.body.error.code]).toEqual([403, 'person_needed']);
  expect((await server.fetch('/api/tokens', { headers: agent })).status).toBe(403);
  expect((await revoke(server, 'a', agent)).status).toBe(403);
});

test('a token cannot make a token that may do more than itself', async () => {
  await using server = await startTestServer();
  const operator = { authorization: `Bearer ${await server.token('operate')}` };
  expect((await create(server, { name: 'a', scopes: ['call'] }, operator)).status).toBe(403);
  expect((await create(server, { name: 'a', scopes: ['operate', 'read'] }, operator)).status).toBe(201);
  const reader = { authorization: `Bearer ${await server.token('read', 'call')}` };
  expect((await create(server, { name: 'b', scopes: ['read'] }, reader)).status).toBe(403);
});

test('people without the role admin manage their own tokens and see no others', async () => {
  await using server = await startTestServer({
    async prepare(dataDir) {
      const people =
        '[{name: ada, role: admin, identities: [local]}, {name: bob, role: member, identities: ["slack:T1/U1"]}]';
      await writeFile(join(dataDir, 'ecolink.yaml'), `people: ${people}\n`);
    },
  });
  await create(server, { name: 'of-ada', scopes: ['read'] });
  const bob = await server.core.access.personOfSlack('T1', 'U1');
  const { token } = await server.core.access.createToken(bob ?? expect.fail('Bob is configured.'), 'of-bob', [
    'operate',
  ]);
  const headers = { authorization: `Bearer ${token}` };
  expect((await list(server, headers)).map((each) => each.name)).toEqual(['of-bob']);
  expect((await list(server)).map((each) => each.name).toSorted()).toEqual(['of-ada', 'of-bob']);
  expect((await revoke(server, 'of-ada', headers)).status).toBe(404);
  expect((await revoke(server, 'of-bob')).status).toBe(200);
  expect((await server.fetch('/api/tokens', { headers })).status).toBe(401);
});

test("an agent's token asks and never decides, nor does it make or see tokens", async () => {
  await using server = await startTestServer();
  const { status, body } = await create(server, { name: 'helper', scopes: ['operate'], agent: true });
  expect([status, body.summary]).toMatchObject([201, { agent: true, may_decide: false }]);
  const agent = { authorization: `Bearer ${body.token}` };
  for (const source of ['cli', 'mcp', 'http']) {
    const made = await create(server, { name: 'b', scopes: ['read'] }, { ...agent, 'ecolink-source': source });
    expect([made.status, made.body.error.code]).toEqual([403, 'person_needed']);
  }
  expect((await server.fetch('/api/tokens', { headers: agent })).status).toBe(403);
});

test('only a person who may decide can make a token that may decide, and never for an agent', async () => {
  await using server = await startTestServer();
  const terminal = { 'ecolink-source': 'cli' };
  const deciding = { name: 'decides', scopes: ['operate'], may_decide: true };
  const plain = { authorization: `Bearer ${await server.token('operate', 'read')}`, ...terminal };
  const refusal = await create(server, deciding, plain);
  expect([refusal.status, refusal.body.error.code]).toEqual([403, 'may_not_decide']);
  expect((await create(server, deciding)).body.error.code).toBe('may_not_decide');
  const made = await create(server, deciding, terminal);
  expect([made.status, made.body.summary]).toMatchObject([201, { may_decide: true, agent: false }]);
  const both = await create(server, { ...deciding, name: 'both', agent: true }, terminal);
  expect([both.status, both.body.error.code]).toEqual([400, 'bad_field']);
});

test('a token says when it expires and who made it, and takes what it made with it', async () => {
  await using server = await startTestServer();
  const root = await create(server, { name: 'root', scopes: ['operate'], expires_in: '2d' });
  expect(root.body.summary).toMatchObject({ expires_at: expect.any(String), made_by: 'terminal', made: [] });
  const headers = { authorization: `Bearer ${root.body.token}` };
  const child = await create(server, { name: 'child', scopes: ['read'] }, headers);
  expect(child.body.summary).toMatchObject({
    expires_at: root.body.summary['expires_at'],
    made_by: root.body.summary.id,
  });
  const longer = await create(server, { name: 'longer', scopes: ['read'], expires_in: '3d' }, headers);
  expect([longer.status, longer.body.error.code]).toEqual([400, 'bad_field']);
  expect(await list(server)).toMatchObject([{ made: [child.body.summary.id] }, { name: 'child' }]);
  const revoked = await server.fetch('/api/tokens/root', { method: 'DELETE', body: '{}', headers: json });
  expect(await revoked.json()).toMatchObject({ name: 'root', also_revoked: ['child'] });
  const childHeaders = { authorization: `Bearer ${child.body.token}` };
  expect((await server.fetch('/metrics', { headers: childHeaders })).status).toBe(401);
  const rows = await server.core.execute('list_audit', { limit: 100 }, await atTerminal(server.core));
  const inputs = rows.items.filter(({ operation }) => operation === 'revoke_token').map(({ input }) => input);
  expect(inputs).toContainEqual(expect.stringContaining('"name":"root"'));
  expect(inputs).toContainEqual(expect.stringContaining(`"made_by":"${root.body.summary.id}"`));
});
