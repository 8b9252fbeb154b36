import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { openStore } from '../../../src/core/store/store.ts';
import { capturedLog } from '../../support/captured-log.ts';
import { startCore } from '../../support/core.ts';
import { newToken, startKeeping } from '../../support/credentials.ts';
import type { Keeping } from '../../support/credentials.ts';
import { runScript, sourceOf } from '../../support/run-script.ts';

const log = capturedLog();
let keeping: Keeping;
beforeEach(async () => {
  keeping = await startKeeping({ reconcile: false, log: log.log });
});
afterEach(() => keeping[Symbol.asyncDispose]());

async function add(name: string): Promise<void> {
  const token = newToken();
  keeping.hub.addToken(token, { user: name });
  await keeping.place.core.credentials.add({ name, value: token }, keeping.bob);
}

/** Starts a second time on the same database. Returns the code of the refusal. */
async function startAgain(environment: Record<string, string> = {}): Promise<string> {
  const { place, hub, keyFile } = keeping;
  const common = { HF_ENDPOINT: hub.endpoint, ECOLINK_KEY_FILE: keyFile };
  try {
    await using again = await startCore({
      reconcile: false,
      dataDir: place.dataDir,
      environment: { ...common, ...environment },
    });
    return again.dataDir === place.dataDir ? 'started' : 'elsewhere';
  } catch (thrown) {
    return thrown instanceof EcolinkError ? thrown.code : String(thrown);
  }
}

/** The Hub's answer for each stored value, opened with the present keys. */
async function accounts(): Promise<string[]> {
  await keeping.place.core.credentials.check();
  return accountStates();
}

async function accountStates(): Promise<string[]> {
  const page = z.object({ items: z.array(z.object({ account: z.string(), state: z.string() })) });
  const { items } = page.parse(await keeping.place.run('list_credentials', {}, keeping.bob));
  return items.map(({ account, state }) => `${account} ${state}`);
}

async function keysInFile(): Promise<number> {
  return (await readFile(keeping.keyFile, 'utf8')).trim().split('\n').length;
}

describe('the key', () => {
  test('is made with the first credential, only this account can read it, and the log asks once for a backup', async () => {
    expect(existsSync(keeping.keyFile)).toBe(false);
    await add('one');
    await add('two');
    expect((await stat(keeping.keyFile)).mode & 0o777).toBe(0o600);
    expect(log.text().match(/back this file up/g)).toHaveLength(1);
    expect(log.text()).not.toContain((await readFile(keeping.keyFile, 'utf8')).trim());
    expect(await startAgain()).toBe('started');
  });

  test('that is wrong, missing or cut stops the start, and nothing is lost', async () => {
    await add('one');
    const right = await readFile(keeping.keyFile, 'utf8');
    expect(await startAgain({ ECOLINK_KEY: randomBytes(32).toString('base64') })).toBe('wrong_key');
    await rm(keeping.keyFile);
    expect(await startAgain()).toBe('wrong_key');
    expect(existsSync(keeping.keyFile)).toBe(false);
    await writeFile(keeping.keyFile, right.slice(0, 20));
    expect(await startAgain()).toBe('bad_key');
    expect(await startAgain({ ECOLINK_KEY: right })).toBe('started');
    await writeFile(keeping.keyFile, right);
    expect(await startAgain()).toBe('started');
    expect(await accounts()).toEqual(['one ok']);
  });
});

describe('a rotation', () => {
  test('seals every row with a new key and deletes the old one, while the server goes on', async () => {
    const { place, ada, bob } = keeping;
    for (const name of ['one', 'two', 'three']) await add(name);
    const before = await readFile(keeping.keyFile, 'utf8');
    await expect(place.core.credentials.rotateKey(bob)).rejects.toMatchObject({ code: 'role_missing' });
    expect(await place.core.credentials.rotateKey(ada)).toMatchObject({ rows: 3 });
    expect(await keysInFile()).toBe(1);
    expect(await readFile(keeping.keyFile, 'utf8')).not.toBe(before);
    expect(await accounts()).toEqual(['one ok', 'three ok', 'two ok']);
    expect(await startAgain()).toBe('started');
    expect(await startAgain({ ECOLINK_KEY: before })).toBe('wrong_key');
  });

  test('needs a second key if the key comes from the environment', async () => {
    const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
    await using given = await startKeeping({ reconcile: false, environment: { ECOLINK_KEY: old } });
    const token = newToken();
    given.hub.addToken(token, { user: 'bobby' });
    await given.place.core.credentials.add({ name: 'mine', value: token }, given.bob);
    await expect(given.place.core.credentials.rotateKey(given.ada)).rejects.toMatchObject({ code: 'one_key' });
    const environment = { HF_ENDPOINT: given.hub.endpoint, ECOLINK_KEY: `${fresh},${old}` };
    await using both = await startCore({ reconcile: false, dataDir: given.place.dataDir, environment });
    expect(await both.core.credentials.rotateKey(both.local)).toMatchObject({ rows: 1 });
    await using last = await startCore({
      reconcile: false,
      dataDir: given.place.dataDir,
      environment: { ...environment, ECOLINK_KEY: fresh },
    });
    await last.core.credentials.check();
    expect(existsSync(given.keyFile)).toBe(false);
  });

  test('that is killed at any point continues, and the running server reads and writes meanwhile', async () => {
    for (const name of ['one', 'two', 'three', 'four']) await add(name);
    expect(await rotateAndDieAfter(2)).toContain('crd_');
    expect(await keysInFile()).toBe(2);
    expect(await accounts()).toEqual(['four ok', 'one ok', 'three ok', 'two ok']);
    // A new row is sealed with the new key, because the old one is retired.
    await add('five');
    expect(await startAgain()).toBe('started');
    expect(await keeping.place.core.credentials.rotateKey(keeping.ada)).toMatchObject({ rows: 2 });
    expect(await keysInFile()).toBe(1);
    expect(await accounts()).toEqual(['five ok', 'four ok', 'one ok', 'three ok', 'two ok']);
  });
});

test('a credential that was changed in the database does not stop the check of the others', async () => {
  for (const name of ['one', 'two', 'three']) await add(name);
  await using store = await openStore({ dataDir: keeping.place.dataDir });
  await store.db
    .updateTable('credentials')
    .set({ sealed: 'v1.AAAA', state: 'failing' })
    .where('name', '=', 'two')
    .execute();
  await store.db.updateTable('credentials').set({ state: 'failing' }).execute();
  await expect(keeping.place.core.credentials.check()).rejects.toThrow('it was changed or moved');
  await expect(accountStates()).resolves.toEqual(['one ok', 'three ok', 'two failing']);
});

/** A separate process rotates and kills itself after this many rows. Returns what it printed. */
async function rotateAndDieAfter(rows: number): Promise<string> {
  const { place, keyFile } = keeping;
  const { code, output } = await runScript(`
    const { openStore } = await import(${sourceOf('core/store/store.ts')});
    const { openKeyRing } = await import(${sourceOf('core/secrets/ring.ts')});
    const { rotate } = await import(${sourceOf('core/secrets/rotate.ts')});
    const now = () => new Date();
    const store = await openStore({ dataDir: ${JSON.stringify(place.dataDir)} });
    const ring = await openKeyRing({ store, source: { file: ${JSON.stringify(keyFile)} }, log: console, now });
    let rows = 0;
    await rotate({ store, ring, now, onRow(id) {
      console.log(id);
      if (++rows === ${rows}) process.kill(process.pid, 'SIGKILL');
    } });
  `);
  expect(code).toBeNull();
  return output;
}
