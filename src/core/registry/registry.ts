import { listWithHidden, mayChange, mayRead, visibleTo } from '../access/visibility.ts';
import type { Caller } from '../base/caller.ts';
import type { CredentialStore } from '../access/credentials/credentials.ts';
import { fail } from '../base/errors.ts';
import type { NewId } from '../base/ids.ts';
import type { Changes } from '../base/changes.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import type { Fleet } from '../region/fleet.ts';
import {
  findModel,
  insertModel,
  instancesUsing,
  markModelDeleted,
  modelsOfRepo,
  privacyOfModel,
  searchModels,
} from './table.ts';
import type { InstanceUse, OwnedModel } from './table.ts';
import type { Queries, Store } from '../store/store.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { run, say, sentences } from '../base/prose.ts';
import type { Prose } from '../base/prose.ts';
import { isUniqueViolation } from '../store/unique-violation.ts';
import { categories } from '../base/categories.ts';
import type { Model } from './model.ts';
import type { Category } from '../base/categories.ts';
import { fitsOf } from './fits.ts';
import { memoryEstimate, memoryWarnings } from './sizing.ts';
import type { Candidate, SourceInput } from './sources/source.ts';
import { audioProblem, modelWarnings, rerankProblem } from '../runtimes/model-arguments.ts';
import { traitsOf } from './traits.ts';
import type { Sources } from './sources/sources.ts';

export interface RegistryDeps {
  store: Store;
  fleet: Fleet;
  sources: Sources;
  credentials: CredentialStore;
  changes: Changes;
  now: () => Date;
  newId: NewId;
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
    prepareRegistration: (input: RegisterInput, caller: Caller) => prepareRegistration(deps, input, caller),
    commitRegistration: (registration: Registration, unit: UnitOfWork) => commitRegistration(deps, registration, unit),
    /** The files that no launch of the model fetches, by reason. Undefined if the caller may read no model of this name. */
    leftOutOf: async (name: string, caller: Caller) => {
      const found = await findModel(deps.store.db, { name });
      return found && mayRead(found, caller) ? (found.leftOut ?? []) : undefined;
    },
    list: (input: ListModelsInput, caller: Caller) => list(deps, input, caller),
    get: (name: string, caller: Caller) => get(deps, name, caller),
    prepareRemoval: (name: string, caller: Caller) => prepareRemoval(deps, name, caller),
    commitRemoval: (removal: Removal, unit: UnitOfWork) => commitRemoval(deps, removal, unit),
    /** The model of this name, if the caller may see it. Throws `model_not_found`. */
    find: (name: string, caller: Caller) => findVisible(deps.store.db, name, caller),
    /** Whether the caller may know of the model with this id, also if it is deleted. */
    maySee: async (id: string, caller: Caller) => {
      const found = await privacyOfModel(deps.store.db, id);
      return found !== undefined && mayRead(found, caller);
    },
    /** Why a launch of the model may fail. */
    warnings: (model: Model, caller: Caller) => deps.credentials.warnings(model, caller),
  };
}

const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,46}[a-z0-9])?$/;
const filesShown = 200;

async function check(deps: RegistryDeps, input: SourceInput, caller: Caller) {
  const candidate = await deps.sources.examine(input, caller);
  const others = await modelsOfSameRepo(deps, candidate);
  const category = input.category ?? candidate.suggested;
  const runtimes = runtimesFor(deps, category, candidate);
  const { source, repo, revision, commit, path, region, licence, formats, format, bytes, gated, files } = candidate;
  return {
    source,
    repo,
    revision,
    commit,
    path,
    region,
    licence,
    category,
    formats,
    format,
    bytes,
    gated,
    downloadable: candidate.refusal === undefined,
    warnings: [...warningsOf(candidate, category, runtimes), ...engineNotes(deps, candidate, category)],
    left_out: candidate.leftOut,
    file_count: files.length,
    files: files.slice(0, filesShown).map(({ path, size }) => ({ path, size })),
    category_reason: categoryReason(input, candidate),
    runtimes,
    memory_bytes: memoryEstimate(bytes, candidate.architecture)?.bytes ?? null,
    fits:
      category === undefined ? [] : await fitsOf({ ...candidate, category }, regionsOf(deps, candidate), deps.fleet),
    entries: others
      .filter((model) => mayRead(model, caller))
      .map((model) => ({
        name: model.name,
        commit: model.commit ?? '',
        moved: model.revision === candidate.revision && model.commit !== candidate.commit,
      })),
  };
}

/** Models of the same repo. A folder has none: each is registered by its path. */
async function modelsOfSameRepo({ store, sources }: RegistryDeps, candidate: Candidate): Promise<OwnedModel[]> {
  const delivery = sources.deliveryOf(candidate);
  if (delivery.kind === 'mounted') return [];
  const found = await modelsOfRepo(store.db, delivery.origin.repo);
  return found.filter(({ source }) => source === candidate.source);
}

function runtimesFor(deps: RegistryDeps, category: Category | undefined, candidate: Candidate) {
  if (category === undefined) return [];
  return regionsOf(deps, candidate).flatMap((region) => firstRuntime(deps, region, category, candidate));
}

/** The regions that can run the model. */
function regionsOf({ sources, fleet }: RegistryDeps, candidate: Candidate): string[] {
  const delivery = sources.deliveryOf(candidate);
  return delivery.kind === 'mounted' ? [delivery.region] : fleet.regions().map(({ name }) => name);
}

function warningsOf(candidate: Candidate, category: Category | undefined, runtimes: readonly unknown[]): Prose[] {
  const { refusal, warnings, format } = candidate;
  return [
    ...(refusal ? [sentences(refusal.said, refusal.nextStep)] : []),
    ...warnings,
    ...memoryWarnings(candidate.architecture),
    ...(runtimes.length === 0 && category ? [`No runtime serves ${category} models in ${format} here yet.`] : []),
  ];
}

/** What the engines that would serve it cannot do with it, and what may go wrong. A plan says it of the chosen runtime. */
function engineNotes(deps: RegistryDeps, candidate: Candidate, category: Category | undefined): string[] {
  if (category === undefined) return [];
  const traits = traitsOf({ ...candidate, category });
  const { format, task } = candidate;
  const notes = regionsOf(deps, candidate).flatMap((region) => {
    const serving = deps.fleet.runtimesFor(region, category, format, task);
    const able = serving.filter((each) => !rerankProblem(each, traits) && !audioProblem(each, traits));
    const [first] = able.length > 0 ? able : serving;
    if (first === undefined) return [];
    const problem = rerankProblem(first, traits) ?? audioProblem(first, traits);
    return [
      ...(problem === undefined ? [] : [`It cannot be launched here: ${problem}`]),
      ...modelWarnings(first, traits),
    ];
  });
  return [...new Set(notes)];
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

/** A model that is checked and not saved yet. */
export interface Registration {
  model: Model;
  candidate: Candidate;
  warnings: readonly Prose[];
  caller: Caller;
}

async function prepareRegistration(deps: RegistryDeps, input: RegisterInput, caller: Caller): Promise<Registration> {
  checkName(input.name);
  await refuseTaken(deps.store.db, input.name, caller);
  const candidate = await deps.sources.examine(input, caller);
  if (candidate.refusal) throw candidate.refusal;
  const category = input.category ?? candidate.suggested;
  if (category === undefined) throw categoryMissing(candidate);
  const warnings = warningsOf(candidate, category, runtimesFor(deps, category, candidate));
  return { candidate, warnings, caller, model: toModel(input, candidate, category, caller, deps) };
}

async function commitRegistration(
  deps: RegistryDeps,
  { model, caller }: Registration,
  { db, afterCommit }: UnitOfWork,
) {
  await refuseTaken(db, model.name, caller);
  await insertModel(db, model, deps.sources.originOf(model)).catch((thrown: unknown) => {
    // On PostgreSQL two calls may both find the name free.
    throw isUniqueViolation(thrown) ? modelExists(model.name) : thrown;
  });
  afterCommit(() => deps.changes.publish({ kind: 'model', id: model.id }));
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

/** Names are unique for everybody, so a name that is taken by a private model of others is refused without any fact of it. */
async function refuseTaken(db: Queries, name: string, caller: Caller): Promise<void> {
  const taken = await findModel(db, { name });
  if (taken) throw modelExists(name, mayRead(taken, caller) ? taken.origin : undefined);
}

function modelExists(name: string, origin?: string): Error {
  const said =
    origin === undefined
      ? `The name "${name}" is taken.`
      : `A model named "${name}" exists already (${origin}). Models never change.`;
  return fail('model_exists', said, {
    nextStep: 'Choose another name for this revision or folder, for example the old name with a version after it.',
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

function toModel(
  input: RegisterInput,
  candidate: Candidate,
  category: Category,
  caller: Caller,
  { now, newId }: Pick<RegistryDeps, 'now' | 'newId'>,
): Model {
  const {
    title: _title,
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
    createdAt: now().toISOString(),
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
    origin: model.origin,
    format: model.format,
    bytes: model.bytes,
    owner: model.ownerName,
    created_at: model.createdAt,
    commit: model.commit,
    region: model.region,
  };
}

async function get(deps: RegistryDeps, name: string, caller: Caller) {
  const model = await findVisible(deps.store.db, name, caller);
  const instances = await instancesUsing(deps.store.db, model.id);
  return {
    ...summary(model),
    repo: model.repo,
    revision: model.revision,
    filesystem: model.filesystem,
    subfolder: model.subfolder,
    licence: model.licence,
    path: await deps.sources.pathOf(model),
    gated: model.gated,
    private: model.private,
    include: model.selection.include,
    exclude: model.selection.exclude,
    files: model.files.slice(0, filesShown).map(({ path: file, size }) => ({ path: file, size })),
    file_count: model.files.length,
    memory_bytes: memoryEstimate(model.bytes, model.architecture)?.bytes ?? null,
    warnings: [
      ...(await deps.credentials.warnings(model, caller)),
      ...(model.warnings ?? []),
      ...memoryWarnings(model.architecture),
    ],
    left_out: model.leftOut ?? [],
    instances: visibleTo(instances, caller).shown.map(({ id, state }) => ({ id, state: state as 'running' })),
  };
}

/** A model that may be deleted. */
export interface Removal {
  model: OwnedModel;
  instances: InstanceUse[];
  caller: Caller;
}

async function prepareRemoval({ store }: RegistryDeps, name: string, caller: Caller): Promise<Removal> {
  const model = await findVisible(store.db, name, caller);
  if (!mayChange(model, caller)) throw notYours(model);
  const instances = await instancesUsing(store.db, model.id);
  refuseInUse(name, instances, caller);
  return { model, instances, caller };
}

async function commitRemoval(deps: RegistryDeps, { model, caller }: Removal, { db, afterCommit }: UnitOfWork) {
  const now = await findVisible(db, model.name, caller);
  if (now.id !== model.id) throw modelNotFound(model.name);
  // The write comes before the check. On PostgreSQL it waits for a launch that is about to commit.
  await markModelDeleted(db, model.id, deps.now().toISOString());
  refuseInUse(model.name, await instancesUsing(db, model.id), caller);
  afterCommit(() => deps.changes.publish({ kind: 'model', id: model.id }));
}

function refuseInUse(name: string, instances: readonly InstanceUse[], caller: Caller): void {
  const using = instances.filter(({ state }) => state !== 'stopped');
  if (using.length === 0) return;
  const { shown, hidden } = visibleTo(using, caller);
  const [first] = shown;
  const named = listWithHidden(
    shown.map((instance) => `${instance.name}:${instance.id} (${instance.state})`),
    hidden,
  );
  const [verb, them] = using.length === 1 ? ['an instance uses', 'it'] : ['instances use', 'them'];
  throw fail('model_in_use', `"${name}" cannot be deleted while ${verb} it: ${named}.`, {
    nextStep: first
      ? say`Stop ${them} first: ${run('stop_instance', { instance: first.id })}.`
      : 'Ask an admin: admins see private instances.',
    field: 'model',
  });
}

function notYours(model: OwnedModel): Error {
  return fail('not_owner', `"${model.name}" belongs to ${model.ownerName}; only its owner and admins change it.`, {
    nextStep: `Ask ${model.ownerName} or an admin.`,
  });
}

async function findVisible(db: Queries, name: string, caller: Caller): Promise<OwnedModel> {
  const model = await findModel(db, { name });
  if (model && mayRead(model, caller)) return model;
  throw modelNotFound(name);
}

function modelNotFound(name: string): Error {
  return fail('model_not_found', `There is no model named "${name}".`, {
    nextStep: say`${run('list_models')} shows the names. ${run('register_model')} adds one.`,
    field: 'model',
  });
}
