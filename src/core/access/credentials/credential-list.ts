import type { UnitOfWork } from '../../store/unit-of-work.ts';
import type { Config } from '../../config/config.ts';
import { fail } from '../../base/errors.ts';
import { decodeCursor, pageOf } from '../../base/paging.ts';
import { run, say, task } from '../../base/prose.ts';
import { mayRead } from '../visibility.ts';
import { credentialsVisibleTo, deleteCredentialRow, findUsable, modelsUsing } from './table.ts';
import type { CredentialRow } from './table.ts';
import type { Queries, Store } from '../../store/store.ts';
import { atLeast } from '../../base/caller.ts';
import type { Caller } from '../../base/caller.ts';
import { environmentName, fingerprintOf, fromEnvironment } from './credentials.ts';

export interface CredentialListDeps {
  config: Pick<Config, 'secrets'>;
  localPersonId: string;
  store: Store;
}

/** Lists and deletes credentials, for the operations. It never opens a value. */
export type CredentialList = ReturnType<typeof createCredentialList>;

export function createCredentialList(deps: CredentialListDeps) {
  return {
    list: (input: { cursor?: string | undefined; limit: number }, caller: Caller) => list(deps, input, caller),
    prepareRemoval: (name: string, caller: Caller) => removable(deps.store.db, name, caller),
    commitRemoval: (removal: CredentialRemoval, unit: UnitOfWork) => commitRemoval(removal, unit),
  };
}

async function list(deps: CredentialListDeps, input: { cursor?: string | undefined; limit: number }, caller: Caller) {
  const after = decodeCursor(input.cursor, 'string');
  const stored = await credentialsVisibleTo(deps.store.db, caller.person.id);
  const items = await Promise.all(stored.map((row) => toItem(deps, row, caller)));
  const rows = [...environmentItems(deps, caller), ...items]
    .map((item) => ({ item, key: `${item.credential} ${item.owner}` }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .filter(({ key }) => after === undefined || key > after);
  return pageOf(
    rows,
    input.limit,
    ({ key }) => key,
    ({ item }) => item,
  );
}

async function toItem({ store }: CredentialListDeps, row: CredentialRow, caller: Caller) {
  const models = await modelsUsing(store.db, row.id);
  return {
    credential: row.name,
    owner: row.ownerName,
    account: row.account,
    fingerprint: row.fingerprint,
    shared: row.shared,
    state: row.state,
    models: models.filter((model) => mayRead(model, caller)).map(({ name }) => name),
    last_used_at: row.lastUsedAt,
  };
}

function environmentItems({ config, localPersonId }: CredentialListDeps, { person }: Caller) {
  const env = person.id === localPersonId ? fromEnvironment(config) : undefined;
  if (!env) return [];
  const fingerprint = fingerprintOf(env.token);
  return [
    { credential: environmentName, owner: person.name, fingerprint, shared: false, state: 'ok' as const, models: [] },
  ];
}

/** A credential that its owner or an admin may delete, and that no model needs. */
export interface CredentialRemoval {
  row: CredentialRow;
  caller: Caller;
}

async function removable(db: Queries, name: string, caller: Caller): Promise<CredentialRemoval> {
  const row = await findUsable(db, name, caller.person.id);
  if (!row) throw missing(name);
  if (row.owner !== caller.person.id && !atLeast(caller.person.role, 'admin')) throw notYours(row);
  const models = await modelsUsing(db, row.id);
  if (models.length > 0) throw inUse(row, models, caller);
  return { row, caller };
}

async function commitRemoval({ row: { name }, caller }: CredentialRemoval, { db }: UnitOfWork) {
  const { row } = await removable(db, name, caller);
  await deleteCredentialRow(db, row.id);
  return { credential: name };
}

function missing(name: string): Error {
  if (name === environmentName)
    return fail('credential_not_found', 'The credential "env" is HF_TOKEN of the server. It is not stored.', {
      nextStep: 'Unset HF_TOKEN and restart the server.',
      field: 'credential',
    });
  return fail('credential_not_found', `You have no credential named "${name}".`, {
    nextStep: say`Name one of the credentials that ${run('list_credentials')} shows.`,
    field: 'credential',
  });
}

function notYours(row: CredentialRow): Error {
  return fail('not_owner', `"${row.name}" belongs to ${row.ownerName}. Only its owner and admins delete it.`, {
    nextStep: `Ask ${row.ownerName} or an admin.`,
  });
}

/** Names the models that the caller may see, and counts the others. */
function inUse(row: CredentialRow, models: Awaited<ReturnType<typeof modelsUsing>>, caller: Caller): Error {
  const named = models.filter((model) => mayRead(model, caller)).map((model) => `"${model.name}"`);
  const hidden = models.length - named.length;
  const all = [...named, ...(hidden > 0 ? [`${hidden} private ${hidden === 1 ? 'model' : 'models'}`] : [])];
  return fail('credential_in_use', `"${row.name}" cannot be deleted: ${all.join(', ')} download with it.`, {
    nextStep: say`Delete those models first. Or replace its value: ${task('add_credential', row.name)}.`,
    field: 'credential',
  });
}
