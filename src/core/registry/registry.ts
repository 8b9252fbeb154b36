import { mayChange, mayRead } from '../access/visibility.ts';
import type { Caller } from '../base/caller.ts';
import type { CredentialStore } from '../access/credentials/credentials.ts';
import type { Asking } from '../operation/mutation-context.ts';
import { EcolinkError, fail } from '../base/errors.ts';
import { plainWords } from '../base/prose.ts';
import type { Hub } from '../hub/hub.ts';
import { randomId } from '../base/ids.ts';
import type { Changes } from '../base/changes.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import type { Fleet } from '../region/fleet.ts';
import { entriesOfRepo, findModel, insertModel, instancesUsing, markModelDeleted, searchModels } from './table.ts';
import { originOf } from './origin.ts';
import type { OwnedModel } from './table.ts';
import type { Queries, Store } from '../store/store.ts';
import { isUniqueViolation } from '../store/unique-violation.ts';
import { categories } from '../base/categories.ts';
import type { Model } from './model.ts';
import type { Category } from '../base/categories.ts';
import { memoryEstimate } from './sizing.ts';
import { examine } from './source.ts';
import type { Candidate, SourceInput } from './source.ts';

export interface RegistryDeps {
  store: Store;
  hub: Hub;
  fleet: Fleet;
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

export function createRegistry(deps: RegistryDeps) {
  return {
    check: (input: SourceInput, caller: Caller) => check(deps, input, caller),
    register: (input: RegisterInput, context: Asking) => register(deps, input, context),
    list: (input: ListModelsInput, caller: Caller) => list(deps, input, caller),
    get: (name: string, caller: Caller) => get(deps, name, caller),
    remove: (name: string, context: Asking) => remove(deps, name, context),
    /** The entry that a removal is for. Throws what the removal itself would; changes nothing. */
    examineRemoval: (name: string, caller: Caller) => examineRemoval(deps, name, caller),
    /** A receipt as of now: what it registered may have been deleted since. */
    present: (receipt: Record<string, unknown>) => present(deps, receipt),
    /** The entry behind a name, as this caller may see it. Throws `model_not_found`. */
    find: (name: string, caller: Caller) => findVisible(deps.store.db, name, caller),
    /** What may keep a launch of the entry from working. */
    warnings: async (model: Model, caller: Caller) => (await deps.credentials.warnings(model, caller)).map(plainWords),
  };
}

const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,46}[a-z0-9])?$/;
const filesShown = 200;

async function check(deps: RegistryDeps, input: SourceInput, caller: Caller) {
  const candidate = await examine(deps, input, caller);
  const entries = candidate.repo === undefined ? [] : await entriesOfRepo(deps.store.db, candidate.repo);
  const category = input.category ?? candidate.suggested;
  const regions =
    candidate.region === undefined ? deps.fleet.regions().map((region) => region.name) : [candidate.region];
  const runtimes =
    category === undefined ? [] : regions.flatMap((region) => firstRuntime(deps, region, category, candidate));
  const { source, repo, revision, commit, path, region, licence, formats, format, bytes, gated, warnings, files } =
    candidate;
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

function firstRuntime({ fleet }: RegistryDeps, region: string, category: Category, candidate: Candidate) {
  const runtime = fleet.runtimesFor(region, category, candidate.format, candidate.task)[0];
  return runtime ? [{ region, runtime: runtime.name }] : [];
}

function categoryReason(input: SourceInput, candidate: Candidate): string {
  if (input.category !== undefined) return 'as you said';
  if (candidate.suggested !== undefined) return `the repo's task is ${candidate.task}`;
  return candidate.task === undefined
    ? 'the source names no task: say which category it is'
    : `the task ${candidate.task} fits no category: say which it is`;
}

async function register(deps: RegistryDeps, input: RegisterInput, context: Asking) {
  checkName(input.name);
  await refuseTaken(deps.store.db, input.name);
  const candidate = await examine(deps, input, context.caller);
  if (candidate.refusal) throw candidate.refusal;
  const category = input.category ?? candidate.suggested;
  if (category === undefined) throw categoryMissing(candidate);
  const model = toModel(input, candidate, category, context.caller, deps.now());
  const receipt = {
    model: model.name,
    state: 'registered',
    next_step: `Launch it: launch_instance with model "${model.name}" (plan_launch first shows what that does).`,
  };
  await deps.store
    .transaction(async (transaction) => {
      await refuseTaken(transaction, input.name);
      await insertModel(transaction, model);
      await context.settle(transaction, receipt);
    })
    .catch(async (thrown: unknown) => {
      // On PostgreSQL two may find the name free at once; the one that comes second is told what it would have been.
      if (isUniqueViolation(thrown)) await refuseTaken(deps.store.db, input.name);
      throw thrown;
    });
  deps.changes.publish({ kind: 'model', id: model.id });
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
  throw fail(
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
  throw fail('model_exists', `A model named "${name}" is registered already${origin}. Entries never change.`, {
    nextStep: 'Choose another name for this revision or folder, such as the old one with a version behind it.',
    field: 'name',
  });
}

function categoryMissing(candidate: Candidate): Error {
  const why =
    candidate.task === undefined ? 'names no task' : `has the task "${candidate.task}", which fits no category`;
  return fail('category_required', `The category cannot be told: the source ${why}.`, {
    nextStep: 'Give the category.',
    field: 'category',
    validValues: categories,
  });
}

function toModel(input: RegisterInput, candidate: Candidate, category: Category, caller: Caller, now: Date): Model {
  const {
    warnings: _warnings,
    formats: _formats,
    suggested: _suggested,
    path: _path,
    refusal: _refusal,
    ...kept
  } = candidate;
  return {
    ...kept,
    id: randomId('mdl'),
    name: input.name,
    category,
    selection: { include: input.include ?? [], exclude: input.exclude ?? [] },
    private: input.private ?? false,
    owner: caller.person.id,
    createdAt: now.toISOString(),
  };
}

async function list(deps: RegistryDeps, input: ListModelsInput, caller: Caller) {
  const rows = await searchModels(deps.store.db, {
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

async function get(deps: RegistryDeps, name: string, caller: Caller) {
  const model = await findVisible(deps.store.db, name, caller);
  const instances = await instancesUsing(deps.store.db, model.id);
  const path = model.filesystem === undefined ? undefined : await pathOf(deps, model.filesystem, model.subfolder);
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
    warnings: (await deps.credentials.warnings(model, caller)).map(plainWords),
    instances: instances.map(({ id, state }) => ({ id, state: state as 'running' })),
  };
}

/** Unknown while its region does not answer, and where the filesystem is there no more. */
async function pathOf({ fleet }: RegistryDeps, filesystem: string, subfolder = ''): Promise<string | undefined> {
  try {
    return `${(await fleet.filesystem(filesystem)).mountPath}/${subfolder}`;
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.code === 'filesystem_not_found') return undefined;
    throw thrown;
  }
}

async function remove(deps: RegistryDeps, name: string, context: Asking) {
  const receipt = {
    model: name,
    state: 'deleted',
    next_step: 'Its cached weights stay until they are evicted: list_cache shows them, evict_cache frees them.',
  };
  await deps.store.transaction(async (transaction) => {
    const model = await findVisible(transaction, name, context.caller);
    if (!mayChange(model, context.caller)) throw notYours(model);
    // Written before it is checked: on PostgreSQL the write is what waits for a launch that is about to commit.
    await markModelDeleted(transaction, model.id, deps.now().toISOString());
    const using = (await instancesUsing(transaction, model.id)).filter((instance) => instance.state !== 'stopped');
    if (using.length > 0) throw inUse(name, using);
    await context.settle(transaction, receipt);
  });
  deps.changes.publish({ kind: 'model', id: name });
  return receipt;
}

async function examineRemoval({ store }: RegistryDeps, name: string, caller: Caller): Promise<OwnedModel> {
  const model = await findVisible(store.db, name, caller);
  if (!mayChange(model, caller)) throw notYours(model);
  const using = (await instancesUsing(store.db, model.id)).filter((instance) => instance.state !== 'stopped');
  if (using.length > 0) throw inUse(name, using);
  return model;
}

async function present({ store }: RegistryDeps, receipt: Record<string, unknown>): Promise<Record<string, unknown>> {
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
  return fail(
    'model_in_use',
    `"${name}" cannot be deleted while ${using.length === 1 ? 'an instance uses' : 'instances use'} it: ${named}.`,
    {
      nextStep: `Stop ${using.length === 1 ? 'it' : 'them'} first: stop_instance ${using[0]?.id ?? ''}`.trim(),
      field: 'model',
    },
  );
}

function notYours(model: OwnedModel): Error {
  return fail('not_owner', `"${model.name}" belongs to ${model.ownerName}; only its owner and admins change it.`, {
    nextStep: `Ask ${model.ownerName} or an admin.`,
  });
}

async function findVisible(db: Queries, name: string, caller: Caller): Promise<OwnedModel> {
  const model = await findModel(db, { name });
  if (model && mayRead(model, caller)) return model;
  throw fail('model_not_found', `There is no model named "${name}".`, {
    nextStep: 'list_models shows the names there are; register_model adds one.',
    field: 'model',
  });
}

/** Without the fields that are undefined: an absent field and an undefined one are not the same in the results. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
