import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Access } from '../../../src/core/access/access.ts';
import { atLeast, roles } from '../../../src/core/base/caller.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { onePersonOfEachRole } from '../../support/people.ts';

let place: TestCore;
let access: Access;
beforeEach(async () => {
  place = await startCore({ reconcile: false, config: onePersonOfEachRole });
  access = place.core.access;
});
afterEach(() => place[Symbol.asyncDispose]());

describe('a token', () => {
  test('acts for its person with its scopes, and no list shows its value', async () => {
    const { token, summary } = await access.createToken(await access.local(), 'ci', ['call', 'read']);
    expect(token).toMatch(/^eco_[A-Za-z0-9_-]{43}$/);
    expect(await access.callerOfToken(token, 'http')).toMatchObject({
      person: await access.local(),
      identity: `token:${summary.id}`,
      scopes: ['call', 'read'],
      agent: false,
      source: 'http',
    });
    expect(JSON.stringify(await access.listTokens())).not.toContain(token);
    expect(await access.listTokens()).toMatchObject([{ name: 'ci', last_used_at: expect.any(String) }]);
  });

  test('over MCP is an agent: it can ask, never decide', async () => {
    const { token } = await access.createToken(await access.local(), 'assistant', ['operate']);
    expect(await access.callerOfToken(token, 'mcp')).toMatchObject({ agent: true });
  });

  test('works until it is revoked, by id or by name, and then its name is free', async () => {
    const person = await access.local();
    const { token } = await access.createToken(person, 'ci', ['call']);
    await expect(access.createToken(person, 'ci', ['call'])).rejects.toMatchObject({ code: 'token_exists' });
    await access.revokeToken('ci');
    expect(await access.callerOfToken(token, 'http')).toBeUndefined();
    await expect(access.revokeToken('ci')).rejects.toMatchObject({ kind: 'not_found', code: 'token_not_found' });
    const { summary } = await access.createToken(person, 'ci', ['call']);
    expect(await access.revokeToken(summary.id)).toMatchObject({ name: 'ci' });
  });

  test('that nobody made is refused', async () => {
    for (const token of ['', 'eco_', 'eco_local_x', 'hf_AbCdEfGhIjKlMnOpQr', `eco_${'A'.repeat(43)}`]) {
      expect(await access.callerOfToken(token, 'http')).toBeUndefined();
    }
  });
});

describe('a person', () => {
  test('at this machine has the local token, which is the same after a restart', async () => {
    const token = (await readFile(join(place.dataDir, 'local-token'), 'utf8')).trim();
    expect(await access.callerOfToken(token, 'cli')).toMatchObject({
      identity: 'local',
      scopes: ['call', 'read', 'operate'],
    });
    await using again = await startCore({ reconcile: false, dataDir: place.dataDir });
    const caller = await again.core.access.callerOfToken(token, 'cli');
    expect(caller?.person.id).toBe((await access.local()).id);
  });

  test('in Slack is found by team and user, with the role that the config gives', async () => {
    for (const role of roles) {
      expect(await access.personOfSlack('T1', role.toUpperCase())).toMatchObject({ name: role, role });
    }
    expect(await access.personOfSlack('T2', 'ADMIN')).toBeUndefined();
    expect(await access.personOfSlack('T1', 'STRANGER')).toBeUndefined();
  });

  test('may do all that a lower role may, and nothing that needs a higher one', () => {
    const table = roles.map((role) => roles.map((needed) => (atLeast(role, needed) ? 1 : 0)).join(''));
    expect(table).toEqual(['1000', '1100', '1110', '1111']);
  });
});
