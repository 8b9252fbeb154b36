import type { Queries } from '../../store/store.ts';

/** One installation of the Slack app, its tokens sealed. */
export interface InstallationRow {
  id: string;
  enterprise?: string | undefined;
  owner: string;
  sealed: string;
  keyId: string;
}

/** Replaces an earlier one of the same workspace or organisation. */
export async function saveInstallation(db: Queries, row: InstallationRow, at: string): Promise<void> {
  const value = {
    enterprise_id: row.enterprise ?? null,
    owner_id: row.owner,
    sealed: row.sealed,
    key_id: row.keyId,
    installed_at: at,
  };
  await db
    .insertInto('slack_installations')
    .values({ id: row.id, ...value })
    .onConflict((on) => on.column('id').doUpdateSet(value))
    .execute();
}

export async function installationsWithIds(db: Queries, ids: readonly string[]): Promise<InstallationRow[]> {
  return (await db.selectFrom('slack_installations').selectAll().where('id', 'in', ids).execute()).map(toInstallation);
}

/** The organisation's own installation and those of its workspaces, by id. */
export async function installationsOfEnterprise(db: Queries, enterprise: string): Promise<InstallationRow[]> {
  const found = await db
    .selectFrom('slack_installations')
    .selectAll()
    .where('enterprise_id', '=', enterprise)
    .orderBy('id')
    .execute();
  return found.map(toInstallation);
}

/** Ids of the organisations that installed the app for all their workspaces. */
export async function organisationsInstalled(db: Queries): Promise<string[]> {
  const found = await db
    .selectFrom('slack_installations')
    .select('id')
    .whereRef('id', '=', 'enterprise_id')
    .orderBy('id')
    .execute();
  return found.map(({ id }) => id);
}

/** Returns false if there is none, or only one that was made after `before`. */
export async function deleteInstallation(db: Queries, id: string, before: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('slack_installations')
    .where('id', '=', id)
    .where('installed_at', '<=', before)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

function toInstallation(row: {
  id: string;
  enterprise_id: string | null;
  owner_id: string;
  sealed: string;
  key_id: string;
}): InstallationRow {
  return {
    id: row.id,
    owner: row.owner_id,
    sealed: row.sealed,
    keyId: row.key_id,
    enterprise: row.enterprise_id ?? undefined,
  };
}
