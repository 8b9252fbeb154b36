import { sql } from 'kysely';
import { z } from 'zod';
import { pullFile } from '../base/pull-file.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { Model } from './model.ts';
import { categories } from '../base/categories.ts';
import type { Category } from '../base/categories.ts';
import { selectionHash } from './selection-hash.ts';
import type { Queries } from '../store/store.ts';

const categorySchema = z.enum(categories);

export interface ModelQuery {
  category?: string | undefined;
  query?: string | undefined;
  after?: string | undefined;
  limit: number;
  /** The person whose private models are shown too. Undefined: all private models are shown. */
  visibleTo: string | undefined;
}

/** A model with its owner's name and its source in one line, as lists and pages show it. */
export type OwnedModel = Model & { ownerName: string; origin: string };

export async function insertModel(db: Queries, model: Model, origin: string): Promise<void> {
  const { files, ...document } = model;
  const hash = selectionHash(files);
  await db
    .insertInto('selections')
    .values({ hash, files: JSON.stringify(files) })
    .onConflict((on) => on.column('hash').doNothing())
    .execute();
  await db
    .insertInto('models')
    .values({
      id: model.id,
      name: model.name,
      live_name: model.name,
      category: model.category,
      origin,
      entry: JSON.stringify(document),
      selection: hash,
      repo: model.repo ?? null,
      owner_id: model.owner,
      credential_id: model.credentialId ?? null,
      private: model.private ? 1 : 0,
      created_at: model.createdAt,
      deleted_at: null,
    })
    .execute();
}

function rows(db: Queries) {
  return db
    .selectFrom('models')
    .innerJoin('persons', 'persons.id', 'models.owner_id')
    .select([
      'models.entry',
      'models.deleted_at',
      'models.name as name',
      'models.origin',
      'persons.name as owner_name',
    ]);
}

interface ModelRow {
  entry: string;
  origin: string;
  deleted_at: string | null;
  owner_name: string;
}

function toModel(row: ModelRow, files: PullFile[]): OwnedModel {
  const entry = JSON.parse(row.entry) as Omit<Model, 'files'>;
  return {
    ...entry,
    files,
    ownerName: row.owner_name,
    origin: row.origin,
    deletedAt: row.deleted_at ?? undefined,
  };
}

export async function findModel(db: Queries, by: { name: string } | { id: string }): Promise<OwnedModel | undefined> {
  const row = await rows(db)
    .innerJoin('selections', 'selections.hash', 'models.selection')
    .select('selections.files')
    .where('name' in by ? 'models.live_name' : 'models.id', '=', 'name' in by ? by.name : by.id)
    .executeTakeFirst();
  return row && toModel(row, z.array(pullFile).parse(JSON.parse(row.files)));
}

/** Name and category by id, also of deleted models. */
export async function briefModels(
  db: Queries,
  ids: readonly string[],
): Promise<Map<string, { name: string; category: Category }>> {
  const found = await db
    .selectFrom('models')
    .select(['id', 'name', 'category'])
    .where('id', 'in', [...ids, ''])
    .execute();
  return new Map(found.map(({ id, name, category }) => [id, { name, category: categorySchema.parse(category) }]));
}

/** Models without their files, by name. Returns one more than the limit, which shows that there are more. */
export async function searchModels(db: Queries, query: ModelQuery): Promise<OwnedModel[]> {
  let found = rows(db).where('models.deleted_at', 'is', null);
  if (query.category !== undefined) found = found.where('models.category', '=', query.category);
  if (query.after !== undefined) found = found.where('models.live_name', '>', query.after);
  if (query.visibleTo !== undefined) {
    const person = query.visibleTo;
    found = found.where((is) => is.or([is('models.private', '=', 0), is('models.owner_id', '=', person)]));
  }
  if (query.query !== undefined) {
    const pattern = `%${query.query.replace(/[\\%_]/g, (special) => `\\${special}`).toLowerCase()}%`;
    // SQLite has no default escape character.
    const holds = (column: 'models.name' | 'models.origin') =>
      sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`;
    found = found.where((is) => is.or([holds('models.name'), holds('models.origin')]));
  }
  const page = await found
    .orderBy('models.live_name')
    .limit(query.limit + 1)
    .execute();
  return page.map((row) => toModel(row, []));
}

export async function modelsOfRepo(db: Queries, repo: string): Promise<OwnedModel[]> {
  const found = await rows(db)
    .where('models.repo', '=', repo)
    .where('models.deleted_at', 'is', null)
    .orderBy('models.name')
    .execute();
  return found.map((row) => toModel(row, []));
}

/** Models with one of these selections, deleted ones too: their volumes may still be there. Each with its files. */
export async function modelsOfSelections(db: Queries, selections: readonly string[]): Promise<OwnedModel[]> {
  const found = await rows(db)
    .innerJoin('selections', 'selections.hash', 'models.selection')
    .select('selections.files')
    .where('models.selection', 'in', [...selections, ''])
    .execute();
  return found.map((row) => toModel(row, z.array(pullFile).parse(JSON.parse(row.files))));
}

/** Instances of the model that nobody has asked to delete. */
export async function instancesUsing(
  db: Queries,
  modelId: string,
): Promise<{ id: number; name: string; state: string }[]> {
  return db
    .selectFrom('instances')
    .select(['id', 'name', 'state'])
    .where('entry_id', '=', modelId)
    .where('desired', '!=', 'deleted')
    .orderBy('id')
    .execute();
}

export async function markModelDeleted(db: Queries, id: string, at: string): Promise<void> {
  await db
    .updateTable('models')
    .set({ live_name: null, credential_id: null, deleted_at: at })
    .where('id', '=', id)
    .execute();
}
