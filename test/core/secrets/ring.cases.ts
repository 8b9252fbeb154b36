import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createInstallations } from '../../../src/core/access/workspaces/installations.ts';
import { createAuditLog } from '../../../src/core/audit/audit.ts';
import { HeadFile } from '../../../src/core/audit/head-file.ts';
import { systemClock } from '../../../src/core/base/clock.ts';
import { randomId } from '../../../src/core/base/ids.ts';
import { createLog } from '../../../src/core/base/log.ts';
import { openKeyRing } from '../../../src/core/secrets/ring.ts';
import type { KeyRing } from '../../../src/core/secrets/ring.ts';
import { rotate } from '../../../src/core/secrets/rotate.ts';
import {
  credentialsVisibleTo,
  deleteCredentialRow,
  findCredential,
  findUsable,
  insertCredential,
  markCredential,
  modelsUsing,
} from '../../../src/core/access/credentials/table.ts';
import { markModelDeleted } from '../../../src/core/registry/table.ts';
import type { Store } from '../../../src/core/store/store.ts';
import { stores } from '../../support/stores.ts';
import { addPerson, at, model, saveModel } from '../store/rows.ts';

const now = (): Date => new Date(at);

async function keyFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-ring-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'key');
}

function ringOf(store: Store, file: string): Promise<KeyRing> {
  return openKeyRing({ store, source: { file }, log: createLog({ level: 'silent', pretty: false }), now });
}

async function add(store: Store, ring: KeyRing, id: string, about: { owner?: string; shared?: boolean } = {}) {
  const { owner = 'ada', shared = false } = about;
  await ring.ensureKey();
  await store.transaction(async (transaction) => {
    const sealed = await ring.seal(transaction, { table: 'credentials', id, owner }, `value of ${id}`);
    const told = { fingerprint: 'f', account: 'a', sharedName: shared ? id : null };
    await insertCredential(transaction, { id, owner, name: id, createdAt: at, ...sealed, ...told });
  });
}

async function valueOf(store: Store, ring: KeyRing, id: string): Promise<string> {
  const row = await findCredential(store.db, id);
  return row ? ring.open({ table: 'credentials', id, owner: row.owner }, row) : 'no row';
}

describe.each(stores())('credentials in $name', (kind) => {
  test('are visible to their owner, and to everybody if they are shared', async () => {
    await using open = await kind.open();
    const ring = await ringOf(open.store, await keyFile());
    for (const person of ['ada', 'bob']) await addPerson(open.store, person);
    await add(open.store, ring, 'mine');
    await add(open.store, ring, 'team', { shared: true });
    const names = async (person: string) =>
      (await credentialsVisibleTo(open.store.db, person)).map(({ name }) => name).toSorted();
    expect([await names('ada'), await names('bob')]).toEqual([['mine', 'team'], ['team']]);
    expect(await findUsable(open.store.db, 'mine', 'bob')).toBeUndefined();
    // If two have the same name, the own one counts.
    await add(open.store, ring, 'other');
    await open.store.db
      .insertInto('credentials')
      .values(await copyOf(open.store, 'team', 'bob'))
      .execute();
    expect(await findUsable(open.store.db, 'team', 'bob')).toMatchObject({ owner: 'bob' });
    await expect(add(open.store, ring, 'team', { owner: 'bob', shared: true })).rejects.toThrow();
  });

  test('cannot be deleted while a model needs them, and can once the model is deleted', async () => {
    await using open = await kind.open();
    const { db } = open.store;
    const ring = await ringOf(open.store, await keyFile());
    await addPerson(open.store, 'ada');
    await add(open.store, ring, 'mine');
    await saveModel(db, model('gated', { credential: 'mine', credentialId: 'mine' }));
    expect(await modelsUsing(db, 'mine')).toEqual([{ name: 'gated', owner: 'ada', private: false }]);
    await expect(deleteCredentialRow(db, 'mine')).rejects.toThrow();
    await markModelDeleted(db, 'mdl_gated', at);
    await deleteCredentialRow(db, 'mine');
    expect(await findCredential(db, 'mine')).toBeUndefined();
  });

  test('are marked only if they still have the value that was tried', async () => {
    await using open = await kind.open();
    const ring = await ringOf(open.store, await keyFile());
    await addPerson(open.store, 'ada');
    await add(open.store, ring, 'mine');
    const failing = { state: 'failing', reason: 'r' } as const;
    await markCredential(open.store.db, { id: 'mine', fingerprint: 'older' }, failing);
    expect(await findCredential(open.store.db, 'mine')).toMatchObject({ state: 'ok' });
    await markCredential(open.store.db, { id: 'mine', fingerprint: 'f' }, failing);
    expect(await findCredential(open.store.db, 'mine')).toMatchObject({ state: 'failing', reason: 'r' });
  });

  test('are sealed again by a rotation while another server reads and writes with the old keys', async () => {
    await using open = await kind.open();
    const file = await keyFile();
    const ring = await ringOf(open.store, file);
    await addPerson(open.store, 'ada');
    for (const id of ['one', 'two']) await add(open.store, ring, id);
    const other = await ringOf(open.store, file);
    const { key, rows } = await rotate({ store: open.store, ring, now });
    expect(rows).toBe(2);
    await add(open.store, other, 'three');
    expect(await findCredential(open.store.db, 'three')).toMatchObject({ keyId: key });
    for (const id of ['one', 'two', 'three']) {
      expect(await valueOf(open.store, other, id)).toBe(`value of ${id}`);
      expect(await valueOf(open.store, ring, id)).toBe(`value of ${id}`);
    }
    expect(await open.store.db.selectFrom('secret_keys').select('id').execute()).toEqual([{ id: key }]);
    await expect(ringOf(open.store, await keyFile())).rejects.toMatchObject({ code: 'wrong_key' });
  });

  test('and the tokens of Slack installations are sealed again by one rotation, until no row names the old key', async () => {
    await using open = await kind.open();
    const ring = await ringOf(open.store, await keyFile());
    await addPerson(open.store, 'ada');
    await add(open.store, ring, 'one');
    const installations = installationsOf(open.store, ring);
    for (const team of ['T1', 'T2']) await installations.add({ team, user: 'U1', value: `tokens of ${team}` });
    await installations.add({ enterprise: 'E1', user: 'U1', value: 'tokens of E1' });
    const before = await sealedRows(open.store);
    const seen: string[] = [];
    const { key, rows } = await rotate({ store: open.store, ring, now, onRow: (id) => seen.push(id) });
    expect({ rows, seen: seen.toSorted() }).toEqual({ rows: 4, seen: ['E1', 'T1', 'T2', 'one'] });
    const after = await sealedRows(open.store);
    expect(after.map((row) => row.key_id)).toEqual([key, key, key, key]);
    expect(after.filter((row) => before.some(({ sealed }) => sealed === row.sealed))).toEqual([]);
    expect(await open.store.db.selectFrom('secret_keys').select('id').execute()).toEqual([{ id: key }]);
    expect(await installations.find({ team: 'T2' })).toEqual({ id: 'T2', value: 'tokens of T2' });
    expect(await installations.find({ team: 'T9', enterprise: 'E1' })).toMatchObject({ value: 'tokens of E1' });
  });

  test('of Slack open in their own row and for their own installer only', async () => {
    await using open = await kind.open();
    const ring = await ringOf(open.store, await keyFile());
    const installations = installationsOf(open.store, ring);
    for (const team of ['T1', 'T2']) await installations.add({ team, user: 'U1', value: `tokens of ${team}` });
    const { db } = open.store;
    const { sealed } = await db
      .selectFrom('slack_installations')
      .select('sealed')
      .where('id', '=', 'T1')
      .executeTakeFirstOrThrow();
    await db.updateTable('slack_installations').set({ sealed }).where('id', '=', 'T2').execute();
    await expect(installations.find({ team: 'T2' })).rejects.toThrow('it was changed or moved');
    expect(await installations.find({ team: 'T1' })).toMatchObject({ value: 'tokens of T1' });
    await db.updateTable('slack_installations').set({ owner_id: 'slack:T1/U2' }).where('id', '=', 'T1').execute();
    await expect(installations.find({ team: 'T1' })).rejects.toThrow('it was changed or moved');
  });

  test('are never sealed with a key that is being retired', async () => {
    await using open = await kind.open();
    const ring = await ringOf(open.store, await keyFile());
    await addPerson(open.store, 'ada');
    await add(open.store, ring, 'one');
    await open.store.db.updateTable('secret_keys').set({ retired: 1 }).execute();
    await expect(add(open.store, ring, 'two')).rejects.toMatchObject({ code: 'wrong_key' });
    expect(await findCredential(open.store.db, 'two')).toBeUndefined();
  });
});

/** Every workspace may install. */
function installationsOf(store: Store, ring: KeyRing) {
  const heads = new HeadFile(`${ring.source.file}.heads`, systemClock);
  onTestFinished(() => heads.close());
  const audit = createAuditLog({ store, key: Buffer.alloc(32, 1), heads, now });
  return createInstallations({
    access: { admitsWorkspace: () => true },
    audit,
    store,
    ring,
    clock: systemClock,
    newId: randomId,
  });
}

async function sealedRows(store: Store): Promise<{ sealed: string; key_id: string }[]> {
  const rows = await Promise.all(
    (['credentials', 'slack_installations'] as const).map((table) =>
      store.db.selectFrom(table).select(['sealed', 'key_id']).execute(),
    ),
  );
  return rows.flat();
}

/** A copy of the row with another id and owner, as an attacker with write access to the database would make it. */
async function copyOf(store: Store, id: string, owner: string) {
  const row = await store.db.selectFrom('credentials').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return { ...row, id: `${id} of ${owner}`, owner_id: owner, shared_name: null };
}
