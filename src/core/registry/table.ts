import { sql } from 'kysely';
import { z } from 'zod';
import { pullFile } from '../base/pull-file.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { Model } from './model.ts';
import { categories, formats } from '../base/categories.ts';
import { fail } from '../base/errors.ts';
import type { Category } from '../base/categories.ts';
import { selectionHash } from './selection-hash.ts';
import { readJsonColumn } from '../store/json-column.ts';
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

/** What lists show, and what everything that reads a model relies on. Older versions wrote fewer of the other fields. */
const entryCore = z.looseObject({
  id: z.string(),
  name: z.string(),
  source: z.string(),
  category: categorySchema,
  format: z.enum(formats),
  bytes: z.number().nonnegative(),
  commit: z.string().optional(),
  region: z.string().optional(),
  gated: z.boolean(),
  private: z.boolean(),
  owner: z.string(),
  createdAt: z.string(),
  selection: z.looseObject({ include: z.array(z.string()), exclude: z.array(z.string()) }),
  architecture: z.looseObject({}),
});

const entrySchema = z.custom<Omit<Model, 'files'>>((value) => entryCore.safeParse(value).success);

/** Undefined if the stored entry is damaged, so that one bad row does not fail a list. */
function toModel(row: ModelRow, files: PullFile[]): OwnedModel | undefined {
  const entry = readJsonColumn(entrySchema, row.entry);
  if (entry === undefined) return undefined;
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
  if (row === undefined) return undefined;
  const files = readJsonColumn(z.array(pullFile), row.files);
  const model = files && toModel(row, files);
  if (model === undefined) throw modelDamaged(row.name);
  return model;
}

function modelDamaged(name: string): Error {
  return fail('model_damaged', `The stored entry of the model "${name}" cannot be read.`, {
    nextStep: 'Put the database back from its backup.',
  });
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
  return new Map(
    found.flatMap(({ id, name, category: column }) => {
      const category = categorySchema.safeParse(column).data;
      return category === undefined ? [] : [[id, { name, category }] as const];
    }),
  );
}

/** Models without their files, by name, and without damaged ones. One more than the limit shows that there are more. */
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
  const models = page.flatMap((row) => toModel(row, []) ?? []);
  const last = page.at(-1);
  if (last === undefined || page.length <= query.limit || models.length > query.limit) return models;
  // Damaged rows were left out, and more rows follow.
  const rest = await searchModels(db, { ...query, after: last.name, limit: query.limit - models.length });
  return [...models, ...rest];
}

/** Whose a model is, also of a deleted one. Undefined if there never was one of this id. */
export async function privacyOfModel(
  db: Queries,
  id: string,
): Promise<{ private: boolean; owner: string } | undefined> {
  const found = await db
    .selectFrom('models')
    .select(['private', 'owner_id as owner'])
    .where('id', '=', id)
    .executeTakeFirst();
  return found && { private: found.private === 1, owner: found.owner };
}

export async function modelsOfRepo(
  db: Queries,
  repo: string,
  { deleted = false }: { deleted?: boolean } = {},
): Promise<OwnedModel[]> {
  const all = rows(db).where('models.repo', '=', repo).orderBy('models.name').orderBy('models.id');
  const found = await (deleted ? all : all.where('models.deleted_at', 'is', null)).execute();
  return found.flatMap((row) => toModel(row, []) ?? []);
}

/** An instance that uses a model. */
export interface InstanceUse {
  id: number;
  name: string;
  state: string;
  private: boolean;
  owner: string;
}

/** Models with one of these selections, deleted ones too: their volumes may still be there. Each with its files. */
export async function modelsOfSelections(db: Queries, selections: readonly string[]): Promise<OwnedModel[]> {
  const found = await rows(db)
    .innerJoin('selections', 'selections.hash', 'models.selection')
    .select('selections.files')
    .where('models.selection', 'in', [...selections, ''])
    .execute();
  return found.flatMap((row) => {
    const files = readJsonColumn(z.array(pullFile), row.files);
    return (files && toModel(row, files)) ?? [];
  });
}

/** Instances of the model that nobody has asked to delete. */
export async function instancesUsing(db: Queries, modelId: string): Promise<InstanceUse[]> {
  const found = await db
    .selectFrom('instances')
    .select(['id', 'name', 'state', 'private', 'owner_id'])
    .where('entry_id', '=', modelId)
    .where('desired', '!=', 'deleted')
    .orderBy('id')
    .execute();
  return found.map(({ owner_id: owner, private: flag, ...rest }) => ({ ...rest, private: flag === 1, owner }));
}

export async function markModelDeleted(db: Queries, id: string, at: string): Promise<void> {
  await db
    .updateTable('models')
    .set({ live_name: null, credential_id: null, deleted_at: at })
    .where('id', '=', id)
    .execute();
}
