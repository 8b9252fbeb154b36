import { ignoreFullDisk } from '../../base/system-failure.ts';
import type { Queries } from '../../store/store.ts';

/** A stored token: its sealed value and what people may know about it. */
export interface CredentialRow {
  id: string;
  owner: string;
  ownerName: string;
  name: string;
  shared: boolean;
  sealed: string;
  keyId: string;
  fingerprint: string;
  account: string;
  state: 'ok' | 'failing';
  reason?: string;
  lastUsedAt?: string;
  createdAt: string;
}

function rows(db: Queries) {
  return db
    .selectFrom('credentials')
    .innerJoin('persons', 'persons.id', 'credentials.owner_id')
    .selectAll('credentials')
    .select('persons.name as owner_name');
}

type Row = Awaited<ReturnType<ReturnType<typeof rows>['executeTakeFirstOrThrow']>>;

function toCredential(row: Row): CredentialRow {
  return {
    id: row.id,
    owner: row.owner_id,
    ownerName: row.owner_name,
    name: row.name,
    shared: row.shared_name !== null,
    sealed: row.sealed,
    keyId: row.key_id,
    fingerprint: row.fingerprint,
    account: row.account,
    state: row.state,
    createdAt: row.created_at,
    reason: row.reason ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

export async function findCredential(db: Queries, id: string): Promise<CredentialRow | undefined> {
  const row = await rows(db).where('credentials.id', '=', id).executeTakeFirst();
  return row && toCredential(row);
}

/** The person's own credential of that name, else the shared one. */
export async function findUsable(db: Queries, name: string, person: string): Promise<CredentialRow | undefined> {
  const found = await rows(db)
    .where((is) => is.or([is('credentials.shared_name', '=', name), is('credentials.owner_id', '=', person)]))
    .where('credentials.name', '=', name)
    .execute();
  const row = found.find((each) => each.owner_id === person) ?? found[0];
  return row && toCredential(row);
}

/** The person's own credentials and the shared ones. */
export async function credentialsVisibleTo(db: Queries, person: string): Promise<CredentialRow[]> {
  const found = await rows(db)
    .where((is) => is.or([is('credentials.shared_name', 'is not', null), is('credentials.owner_id', '=', person)]))
    .execute();
  return found.map(toCredential);
}

export async function allCredentials(db: Queries): Promise<CredentialRow[]> {
  return (await rows(db).execute()).map(toCredential);
}

export interface NewValue {
  sealed: string;
  keyId: string;
  fingerprint: string;
  account: string;
  sharedName: string | null;
}

export async function insertCredential(
  db: Queries,
  credential: { id: string; owner: string; name: string; createdAt: string } & NewValue,
): Promise<void> {
  await db
    .insertInto('credentials')
    .values({
      id: credential.id,
      owner_id: credential.owner,
      name: credential.name,
      created_at: credential.createdAt,
      last_used_at: null,
      ...columnsOf(credential),
    })
    .execute();
}

export async function replaceCredential(db: Queries, id: string, value: NewValue): Promise<void> {
  await db.updateTable('credentials').set(columnsOf(value)).where('id', '=', id).execute();
}

function columnsOf({ sealed, keyId, fingerprint, account, sharedName }: NewValue) {
  return {
    sealed,
    key_id: keyId,
    fingerprint,
    account,
    shared_name: sharedName,
    state: 'ok' as const,
    reason: null,
  };
}

/** Changes nothing if the value was replaced since it was tried. */
export async function markCredential(
  db: Queries,
  tried: Pick<CredentialRow, 'id' | 'fingerprint'>,
  verdict: { state: 'ok' | 'failing'; reason: string | null },
): Promise<void> {
  await db
    .updateTable('credentials')
    .set(verdict)
    .where('id', '=', tried.id)
    .where('fingerprint', '=', tried.fingerprint)
    .execute();
}

export async function noteCredentialUse(db: Queries, id: string, at: string): Promise<void> {
  await db.updateTable('credentials').set({ last_used_at: at }).where('id', '=', id).execute().catch(ignoreFullDisk);
}

/** The models that download with it, by name, without deleted ones. */
export async function modelsUsing(
  db: Queries,
  id: string,
): Promise<{ name: string; owner: string; private: boolean }[]> {
  const found = await db
    .selectFrom('models')
    .select(['name', 'owner_id', 'private'])
    .where('credential_id', '=', id)
    .orderBy('name')
    .execute();
  return found.map((row) => ({ name: row.name, owner: row.owner_id, private: row.private === 1 }));
}

export async function deleteCredentialRow(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('credentials').where('id', '=', id).execute();
}
