import type { PullFile } from '../../../src/core/base/pull-file.ts';
import type { Model } from '../../../src/core/registry/model.ts';
import { insertModel } from '../../../src/core/registry/table.ts';
import { modelSources } from '../../../src/core/registry/sources/sources.ts';
import type { Queries, Store } from '../../../src/core/store/store.ts';

export const at = '2026-11-01T10:00:00.000Z';
export const weights: PullFile[] = [{ path: 'model.safetensors', size: 3_000_000_000, sha256: 'a'.repeat(64) }];

/** A person whose id is the name. */
export async function addPerson(store: Store, id: string, role = 'member'): Promise<string> {
  await store.db.insertInto('persons').values({ id, name: id, role, created_at: at }).execute();
  return id;
}

export function model(name: string, about: Partial<Model> = {}): Model {
  return {
    id: `mdl_${name}`,
    name,
    source: 'huggingface',
    repo: `acme/${name}`,
    revision: 'main',
    commit: 'c'.repeat(40),
    category: 'chat',
    format: 'safetensors',
    files: weights,
    bytes: 3_000_000_000,
    selection: { include: [], exclude: [] },
    gated: false,
    architecture: {},
    private: false,
    owner: 'ada',
    createdAt: at,
    ...about,
  };
}

/** Inserts models of these names, and their owner Ada. */
export async function addModels(store: Store, ...names: string[]): Promise<void> {
  await addPerson(store, 'ada');
  for (const name of names) await saveModel(store.db, model(name));
}

/** Inserts a model with the origin that the registry gives it. */
export function saveModel(db: Queries, saved: Model): Promise<void> {
  const source = modelSources.find(({ name }) => name === saved.source);
  return insertModel(db, saved, source?.originOf(saved) ?? '');
}
