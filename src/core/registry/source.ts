import { mayNeedAnotherToken } from '../hub/read-refusal.ts';
import type { Caller } from '../base/caller.ts';
import type { CredentialStore } from '../access/credentials/credentials.ts';
import { EcolinkError } from '../base/errors.ts';
import type { Hub, HubCredential, RepoSnapshot } from '../hub/hub.ts';
import type { Fleet } from '../region/fleet.ts';
import { checkHeads } from './file-heads.ts';
import { fingerprintOf, folderText } from './folder.ts';
import { refuseHubCache } from './hub-cache.ts';
import type { Architecture, Fingerprint, ModelSource } from './model.ts';
import type { Category, WeightFormat } from '../base/categories.ts';
import { parseRepoReference } from './repo-reference.ts';
import { formatsOf, isWeights, selectFiles } from './selection.ts';
import { readContents } from './selection/contents.ts';
import type { LeftOut } from './selection/left-out.ts';
import { sayFile, selectFromRepo } from './select-from-repo.ts';
import type { PullFile } from '../base/pull-file.ts';
import { architectureOf, suggestCategory } from './sizing.ts';

export interface SourceInput {
  source: ModelSource;
  repo?: string | undefined;
  revision?: string | undefined;
  credential?: string | undefined;
  filesystem?: string | undefined;
  subfolder?: string | undefined;
  category?: Category | undefined;
  include?: string[] | undefined;
  exclude?: string[] | undefined;
  private?: boolean | undefined;
}

/** Everything that can be found out about a model before it is saved. */
export interface Candidate {
  source: ModelSource;
  repo?: string;
  revision?: string;
  commit?: string;
  credential?: string;
  credentialId?: string;
  filesystem?: string;
  subfolder?: string;
  path?: string;
  region?: string;
  format: WeightFormat;
  formats: WeightFormat[];
  entryFile?: string;
  files: PullFile[];
  bytes: number;
  gated: boolean;
  licence?: string;
  task?: string;
  suggested?: Category;
  architecture: Architecture;
  fingerprint?: Fingerprint;
  warnings: string[];
  leftOut: LeftOut[];
  /** Why the weights cannot be downloaded, though the repo is known. */
  refusal?: EcolinkError;
}

interface Deps {
  hub: Hub;
  fleet: Fleet;
  credentials: CredentialStore;
}

/** Looks at the source as it is now and saves nothing. Throws what makes it unknown; a repo that is known and may not be downloaded has a `refusal`. */
export function examine(deps: Deps, input: SourceInput, caller: Caller): Promise<Candidate> {
  return input.source === 'huggingface' ? examineRepo(deps, input, caller) : examineFolder(deps, input);
}

async function examineRepo(deps: Deps, input: SourceInput, caller: Caller): Promise<Candidate> {
  const { hub, credentials, fleet } = deps;
  const reference = parseRepoReference(input.repo ?? '', hub.endpoint);
  const repo = reference.repo;
  const revision = input.revision?.trim() ?? reference.revision ?? 'main';
  const named = input.credential === undefined ? undefined : await credentials.resolve(input.credential, caller);
  const look = async (credential: HubCredential | undefined) => {
    const snapshot = await hub.inspect(repo, revision, credential);
    const isServed = servedIn(fleet, input, snapshot.task);
    const selection = await selectFromRepo(hub, snapshot, credential, input, isServed);
    const weights = selection.files.find((file) => isWeights(file.path)) ?? selection.files[0];
    const refusal = weights && (await refusalOf(hub.probe(repo, snapshot.commit, weights.path, credential)));
    return { snapshot, selection, credential, refusal };
  };
  const fallback = named === undefined ? credentials.fallback(caller) : undefined;
  const first = await look(named).catch((thrown: unknown) => {
    if (fallback === undefined || !mayNeedToken(thrown)) throw thrown;
    return look(fallback);
  });
  const again = fallback !== undefined && first.credential === undefined && mayNeedToken(first.refusal);
  const { snapshot, selection, credential, refusal } = again ? await look(fallback) : first;
  const suggested = suggestCategory(snapshot.task);
  return {
    source: 'huggingface',
    repo,
    revision,
    commit: snapshot.commit,
    ...(credential && (snapshot.gated || snapshot.private || named) ? credentialOf(credential) : {}),
    ...selection,
    warnings: [...selection.warnings, ...sayFile(reference.file, selection.files)],
    formats: formatsOf(snapshot.files),
    bytes: selection.files.reduce((sum, file) => sum + file.size, 0),
    gated: snapshot.gated,
    ...(snapshot.licence === undefined ? {} : { licence: snapshot.licence }),
    ...(snapshot.task === undefined ? {} : { task: snapshot.task }),
    ...(suggested === undefined ? {} : { suggested }),
    architecture: await readArchitecture(hub, snapshot, credential),
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/** Whether a runtime, in one of the regions, serves a format to models of this kind; where the kind is unknown, any may. */
function servedIn(fleet: Fleet, input: SourceInput, task: string | undefined, region?: string) {
  const category = input.category ?? suggestCategory(task);
  const names = region === undefined ? fleet.regions().map(({ name }) => name) : [region];
  return (format: WeightFormat): boolean =>
    category === undefined || names.some((name) => fleet.runtimesFor(name, category, format, task).length > 0);
}

/** Why the Hub does not hand out the weights: only asking for them tells, metadata of gated repos is public. */
async function refusalOf(probe: Promise<void>): Promise<EcolinkError | undefined> {
  try {
    await probe;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.kind === 'refused') return thrown;
    throw thrown;
  }
}

function credentialOf({ name, id }: HubCredential): Pick<Candidate, 'credential' | 'credentialId'> {
  return { credential: name, ...(id === undefined ? {} : { credentialId: id }) };
}

function mayNeedToken(thrown: unknown): boolean {
  return thrown instanceof EcolinkError && mayNeedAnotherToken(thrown.code);
}

async function readArchitecture(
  hub: Hub,
  snapshot: RepoSnapshot,
  credential: HubCredential | undefined,
): Promise<Architecture> {
  const has = snapshot.files.some((file) => file.path === 'config.json' && file.size < 1024 ** 2);
  const text = has
    ? await hub.readText(snapshot.repo, snapshot.commit, 'config.json', 1024 ** 2, credential).catch(() => undefined)
    : undefined;
  return { ...architectureOf(text), ...(snapshot.parameters === undefined ? {} : { parameters: snapshot.parameters }) };
}

async function examineFolder({ fleet }: Deps, input: SourceInput): Promise<Candidate> {
  const filesystem = await fleet.filesystem(input.filesystem as string);
  const region = fleet.region(filesystem.region);
  const subfolder = (input.subfolder as string)
    .trim()
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '');
  const readText = folderText(region, filesystem.name, subfolder);
  const entries = await region.listFolder(filesystem.name, subfolder);
  const found = entries.map(({ path, size }) => ({ path, size }));
  const paths = found.map(({ path }) => path);
  await refuseHubCache(subfolder, paths, async (path) => (paths.includes(path) ? readText(path, 1024) : undefined));
  const fingerprint = await fingerprintOf(region, filesystem.name, subfolder, entries);
  const isServed = servedIn(fleet, input, undefined, region.name);
  const contents = await readContents(found, readText);
  const selection = selectFiles(found, input.include ?? [], input.exclude ?? [], isServed, contents);
  await checkHeads(selection.files, async (path, bytes) =>
    region.readHead?.(filesystem.name, `${subfolder}/${path}`, bytes),
  );
  const config = found.find((file) => file.path === 'config.json');
  const text = config
    ? (await region.readFile(filesystem.name, `${subfolder}/config.json`, 1024 ** 2)).toString('utf8')
    : undefined;
  return {
    source: 'filesystem',
    filesystem: filesystem.name,
    subfolder,
    path: `${filesystem.mountPath}/${subfolder}`,
    region: filesystem.region,
    ...selection,
    formats: formatsOf(found),
    bytes: selection.files.reduce((sum, file) => sum + file.size, 0),
    gated: false,
    architecture: architectureOf(text),
    fingerprint,
  };
}
