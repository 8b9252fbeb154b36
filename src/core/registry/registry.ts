import { atLeast } from '../access/caller.ts';
import type { Caller } from '../access/caller.ts';
import type { CredentialStore } from '../access/credentials.ts';
import type { Asking } from '../asking.ts';
import { EcolinkError, conflict, inputError, notFound, refused } from '../errors.ts';
import type { Hub } from '../hub/hub.ts';
import { newId } from '../ids.ts';
import type { Changes } from '../notify/changes.ts';
import { decodeCursor, pageOf } from '../paging.ts';
import type { Places } from '../regions/places.ts';
import {
  entriesOfRepo,
  findModel,
  insertModel,
  instancesUsing,
  markModelDeleted,
  searchModels,
} from '../store/models.ts';
import { originOf } from './origin.ts';
import type { OwnedModel } from '../store/models.ts';
import type { Queries, Store } from '../store/store.ts';
import { isUniqueViolation } from '../store/unique-violation.ts';
import { categories } from './model.ts';
import type { Category, Model } from './model.ts';
import { memoryEstimate } from './sizing.ts';
import { examine } from './source.ts';
import type { Candidate, SourceInput } from './source.ts';

export interface RegistryParts {
  store: Store;
  hub: Hub;
  places: Places;
  credentials: CredentialStore;
  changes: Changes;
  now: () => Date;
}

export type RegisterInput = SourceInput & { name: string; idempotency_key?: string | undefined };
export type ListModelsInput = {
  category?: Category | undefined;
  query?: string | undefined;
  cursor?: string | undefined;
  limit: number;
};

export type Registry = ReturnType<typeof createRegistry>;

export function createRegistry(parts: RegistryParts) {
  return {
    check: (input: SourceInput, caller: Caller) => check(parts, input, caller),
    register: (input: RegisterInput, context: Asking) => register(parts, input, context),
    list: (input: ListModelsInput, caller: Caller) => list(parts, input, caller),
    get: (name: string, caller: Caller) => get(parts, name, caller),
    remove: (name: string, context: Asking) => remove(parts, name, context),
    /** The entry that a removal is for. Throws what the removal itself would; changes nothing. */
    examineRemoval: (name: string, caller: Caller) => examineRemoval(parts, name, caller),
    /** A receipt as of now: what it registered may have been deleted since. */
    present: (receipt: Record<string, unknown>) => present(parts, receipt),
    /** The entry behind a name, as this caller may see it. Throws `model_not_found`. */
    find: (name: string, caller: Caller) => findVisible(parts.store.db, name, caller),
    /** What may keep a launch of the entry from working. */
    warnings: (model: Model, caller: Caller) => parts.credentials.warnings(model, caller),
  };
}

const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,46}[a-z0-9])?$/;
const filesShown = 200;

async function check(parts: RegistryParts, input: SourceInput, caller: Caller) {
  const candidate = await examine(parts, input, caller);
  const entries = candidate.repo === undefined ? [] : await entriesOfRepo(parts.store.db, candidate.repo);
  const category = input.category ?? candidate.suggested;
  const regions =
    candidate.region === undefined ? parts.places.regions().map((region) => region.name) : [candidate.region];
  const runtimes =
    category === undefined ? [] : regions.flatMap((region) => firstRuntime(parts, region, category, candidate));
  const {
    source,
    repo,
    revision,
    commit,
    path,
    region,
    licence,
    formats,
    format,
    bytes,
    gated,
    warnings,
    files,
    leftOut,
  } = candidate;
  return {
    source,
    ...defined({ repo, revision, commit, path, region, licence, category }),
    formats,
    format,
    bytes,
    gated,
    downloadable: candidate.refusal === undefined,
    warnings: [
      ...(candidate.refusal ? [`${candidate.refusal.message} ${candidate.refusal.nextStep}`] : []),
      ...warnings,
      ...(runtimes.length === 0 && category ? [`No runtime serves ${category} models in ${format} here yet.`] : []),
    ],
    left_out: leftOut,
    file_count: files.length,
    files: files.slice(0, filesShown).map(({ path, size }) => ({ path, size })),
    category_reason: categoryReason(input, candidate),
    runtimes,
    memory_bytes: memoryEstimate(bytes, candidate.architecture),
    entries: entries
      .filter((entry) => mayRead(entry, caller))
      .map((entry) => ({
        name: entry.name,
        commit: entry.commit ?? '',
        moved: entry.revision === candidate.revision && entry.commit !== candidate.commit,
      })),
  };
}

function firstRuntime({ places }: RegistryParts, region: string, category: Category, candidate: Candidate) {
  const runtime = places.runtimesFor(region, category, candidate.format, candidate.task)[0];
  return runtime ? [{ region, runtime: runtime.name }] : [];
}

function categoryReason(input: SourceInput, candidate: Candidate): string {
  if (input.category !== undefined) return 'as you said';
  if (candidate.suggested !== undefined) return `the repo's task is ${candidate.task}`;
  return candidate.task === undefined
    ? 'the source names no task: say which category it is'
    : `the task ${candidate.task} fits no category: say which it is`;
}

async function register(parts: RegistryParts, input: RegisterInput, context: Asking) {
  checkName(input.name);
  await refuseTaken(parts.store.db, input.name);
  const candidate = await examine(parts, input, context.caller);
  if (candidate.refusal) throw candidate.refusal;
  const category = input.category ?? candidate.suggested;
  if (category === undefined) throw categoryMissing(candidate);
  const model = toModel(input, candidate, category, context.caller, parts.now());
  const receipt = {
    model: model.name,
    state: 'registered',
    next_step: `Launch it: launch_instance with model "${model.name}" (plan_launch first shows what that does).`,
  };
  await parts.store
    .transaction(async (transaction) => {
      await refuseTaken(transaction, input.name);
      await insertModel(transaction, model);
      await context.settle(transaction, receipt);
    })
    .catch(async (thrown: unknown) => {
      // On PostgreSQL two may find the name free at once; the one that comes second is told what it would have been.
      if (isUniqueViolation(thrown)) await refuseTaken(parts.store.db, input.name);
      throw thrown;
    });
  parts.changes.publish({ kind: 'model', id: model.id });
  return receipt;
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  const suggestion = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 48)
    .replace(/[^a-z0-9]+$/, '');
  throw inputError(
    'bad_name',
    `"${name}" cannot be a model's name: 1 to 48 lower-case letters, digits, ".", "_" and "-", with a letter or digit at both ends.`,
    {
      nextStep: suggestion ? `Take "${suggestion}", for example.` : 'Choose another name.',
      field: 'name',
    },
  );
}

async function refuseTaken(db: Queries, name: string): Promise<void> {
  const taken = await findModel(db, { name });
  if (!taken) return;
  const origin = taken.private ? '' : ` (${originOf(taken)})`;
  throw conflict('model_exists', `A model named "${name}" is registered already${origin}. Entries never change.`, {
    nextStep: 'Choose another name for this revision or folder, such as the old one with a version behind it.',
    field: 'name',
  });
}

function categoryMissing(candidate: Candidate): Error {
  const why =
    candidate.task === undefined ? 'names no task' : `has the task "${candidate.task}", which fits no category`;
  return inputError('category_required', `The category cannot be told: the source ${why}.`, {
    nextStep: 'Give the category.',
    field: 'category',
    validValues: categories,
  });
}

function toModel(input: RegisterInput, candidate: Candidate, category: Category, caller: Caller, now: Date): Model {
  const {
    warnings: _warnings,
    leftOut: _leftOut,
    formats: _formats,
    suggested: _suggested,
    path: _path,
    refusal: _refusal,
    ...kept
  } = candidate;
  return {
    ...kept,
    id: newId('mdl'),
    name: input.name,
    category,
    selection: { include: input.include ?? [], exclude: input.exclude ?? [] },
    private: input.private ?? false,
    owner: caller.person.id,
    createdAt: now.toISOString(),
  };
}

async function list(parts: RegistryParts, input: ListModelsInput, caller: Caller) {
  const rows = await searchModels(parts.store.db, {
    category: input.category,
    query: input.query,
    after: decodeCursor(input.cursor, 'string'),
    limit: input.limit,
    visibleTo: caller.person.role === 'admin' ? undefined : caller.person.id,
  });
  return pageOf(rows, input.limit, (row) => row.name, summary);
}

function summary(model: OwnedModel) {
  return {
    name: model.name,
    source: model.source,
    category: model.category,
    origin: originOf(model),
    format: model.format,
    bytes: model.bytes,
    owner: model.ownerName,
    created_at: model.createdAt,
    ...defined({ commit: model.commit, region: model.region }),
  };
}

async function get(parts: RegistryParts, name: string, caller: Caller) {
  const model = await findVisible(parts.store.db, name, caller);
  const instances = await instancesUsing(parts.store.db, model.id);
  const path = model.filesystem === undefined ? undefined : await pathOf(parts, model.filesystem, model.subfolder);
  return {
    ...summary(model),
    ...defined({
      repo: model.repo,
      revision: model.revision,
      filesystem: model.filesystem,
      subfolder: model.subfolder,
      licence: model.licence,
      path,
    }),
    gated: model.gated,
    private: model.private,
    include: model.selection.include,
    exclude: model.selection.exclude,
    files: model.files.slice(0, filesShown).map(({ path: file, size }) => ({ path: file, size })),
    file_count: model.files.length,
    memory_bytes: memoryEstimate(model.bytes, model.architecture),
    warnings: await parts.credentials.warnings(model, caller),
    instances: instances.map(({ id, state }) => ({ id, state: state as 'running' })),
  };
}

/** Unknown while its region does not answer, and where the filesystem is there no more. */
async function pathOf({ places }: RegistryParts, filesystem: string, subfolder = ''): Promise<string | undefined> {
  try {
    return `${(await places.filesystem(filesystem)).mountPath}/${subfolder}`;
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.code === 'filesystem_not_found') return undefined;
    throw thrown;
  }
}

async function remove(parts: RegistryParts, name: string, context: Asking) {
  const receipt = {
    model: name,
    state: 'deleted',
    next_step: 'Its cached weights stay until they are evicted: list_cache shows them, evict_cache frees them.',
  };
  await parts.store.transaction(async (transaction) => {
    const model = await findVisible(transaction, name, context.caller);
    if (!mayChange(model, context.caller)) throw notYours(model);
    // Written before it is checked: on PostgreSQL the write is what waits for a launch that is about to commit.
    await markModelDeleted(transaction, model.id, parts.now().toISOString());
    const using = (await instancesUsing(transaction, model.id)).filter((instance) => instance.state !== 'stopped');
    if (using.length > 0) throw inUse(name, using);
    await context.settle(transaction, receipt);
  });
  parts.changes.publish({ kind: 'model', id: name });
  return receipt;
}

async function examineRemoval({ store }: RegistryParts, name: string, caller: Caller): Promise<OwnedModel> {
  const model = await findVisible(store.db, name, caller);
  if (!mayChange(model, caller)) throw notYours(model);
  const using = (await instancesUsing(store.db, model.id)).filter((instance) => instance.state !== 'stopped');
  if (using.length > 0) throw inUse(name, using);
  return model;
}

async function present({ store }: RegistryParts, receipt: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { model, state } = receipt;
  if (state !== 'registered' || typeof model !== 'string' || (await findModel(store.db, { name: model })))
    return receipt;
  return {
    ...receipt,
    state: 'deleted',
    next_step: 'It was deleted since. Register it again with a new idempotency key.',
  };
}

function inUse(name: string, using: readonly { id: number; name: string; state: string }[]): Error {
  const named = using.map((instance) => `${instance.name}:${instance.id} (${instance.state})`).join(', ');
  return conflict(
    'model_in_use',
    `"${name}" cannot be deleted while ${using.length === 1 ? 'an instance uses' : 'instances use'} it: ${named}.`,
    {
      nextStep: `Stop ${using.length === 1 ? 'it' : 'them'} first: stop_instance ${using[0]?.id ?? ''}`.trim(),
      field: 'model',
    },
  );
}

function notYours(model: OwnedModel): Error {
  return refused('not_owner', `"${model.name}" belongs to ${model.ownerName}; only its owner and admins change it.`, {
    nextStep: `Ask ${model.ownerName} or an admin.`,
  });
}

async function findVisible(db: Queries, name: string, caller: Caller): Promise<OwnedModel> {
  const model = await findModel(db, { name });
  if (model && mayRead(model, caller)) return model;
  throw notFound('model_not_found', `There is no model named "${name}".`, {
    nextStep: 'list_models shows the names there are; register_model adds one.',
    field: 'model',
  });
}

/** What is private exists for its owner and admins alone: to others it is *not found*, not *refused*. */
export function mayRead(thing: { private: boolean; owner: string }, caller: Caller): boolean {
  return !thing.private || mayChange(thing, caller);
}

export function mayChange(thing: { owner: string }, caller: Caller): boolean {
  return thing.owner === caller.person.id || atLeast(caller.person.role, 'admin');
}

/** Without the fields that are undefined: an absent field and an undefined one are not the same in the results. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
