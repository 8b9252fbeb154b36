import type { Category } from '../../base/categories.ts';
import type { Caller } from '../../base/caller.ts';
import { EcolinkError } from '../../base/errors.ts';
import type { Hub, HubCredential, RepoSnapshot } from '../../hub/hub.ts';
import { mayNeedAnotherToken } from '../../hub/read-refusal.ts';
import { readChatTemplate } from '../chat-template.ts';
import type { ReadText } from '../chat-template.ts';
import type { Architecture } from '../model.ts';
import { parseRepoReference } from '../repo-reference.ts';
import { ggufFacts } from '../gguf-facts.ts';
import { ignoreRefusal, sayFile, selectFromRepo } from '../select-from-repo.ts';
import { formatsOf, isWeights } from '../selection.ts';
import type { Selection } from '../selection.ts';
import { architectureOf, suggestCategory } from '../sizing.ts';
import { isServedIn } from './is-served.ts';
import { requireField } from './require-field.ts';
import type { Candidate, ModelSource, SourceDeps, SourceInput } from './source.ts';

const configLimit = 1024 ** 2;

interface HubSourceOptions {
  name?: string;
  /** For another hub than the Hugging Face Hub and its mirrors. Its volumes are never shared with theirs. */
  identity?: string;
}

/** Repos of the Hub at the endpoint of the configuration. */
export function huggingfaceSource({ name = 'huggingface', identity }: HubSourceOptions = {}): ModelSource {
  return {
    name,
    examine: (deps, input, caller) => examineRepo(name, deps, input, caller),
    originOf: ({ repo, revision }) => `${repo}@${revision}`,
    bytes: {
      kind: 'fetched',
      identity,
      endpoint: ({ hub }) => hub.endpoint,
      versionOf: ({ repo, commit }) => ({ repo: requireField(repo, 'repo'), commit: requireField(commit, 'commit') }),
    },
    // A commit never changes.
    stateOf: async () => ({ changes: [] }),
  };
}

async function examineRepo(source: string, deps: SourceDeps, input: SourceInput, caller: Caller): Promise<Candidate> {
  const reference = parseRepoReference(requireField(input.repo, 'repo'), deps.hub.endpoint);
  const revision = input.revision?.trim() ?? reference.revision ?? 'main';
  const named = input.credential === undefined ? undefined : await deps.credentials.resolve(input.credential, caller);
  const look = (credential: HubCredential | undefined) => inspect(deps, reference.repo, revision, input, credential);
  const { snapshot, selection, credential, refusal } = await withFallback(
    look,
    named,
    named === undefined ? deps.credentials.fallback(caller) : undefined,
  );
  const gguf = await ggufFacts(selection, (path, bytes) =>
    deps.hub.readHead(reference.repo, snapshot.commit, path, bytes, credential).catch(ignoreRefusal),
  );
  const isNeeded = credential !== undefined && (snapshot.gated || snapshot.private || named !== undefined);
  return {
    source,
    title: reference.repo,
    repo: reference.repo,
    revision,
    commit: snapshot.commit,
    credential: isNeeded ? credential.name : undefined,
    credentialId: isNeeded ? credential.id : undefined,
    ...selection,
    warnings: [...selection.warnings, ...sayFile(reference.file, selection.files)],
    formats: formatsOf(snapshot.files),
    bytes: selection.files.reduce((sum, file) => sum + file.size, 0),
    gated: snapshot.gated,
    licence: snapshot.licence,
    task: snapshot.task,
    suggested: suggestCategory(snapshot.task) ?? gguf?.suggested,
    architecture: gguf?.architecture ?? (await readArchitecture(deps.hub, snapshot, credential, input.category)),
    refusal,
  };
}

interface Inspection {
  snapshot: RepoSnapshot;
  selection: Selection;
  credential: HubCredential | undefined;
  refusal: EcolinkError | undefined;
}

async function inspect(
  { hub, fleet }: SourceDeps,
  repo: string,
  revision: string,
  input: SourceInput,
  credential: HubCredential | undefined,
): Promise<Inspection> {
  const snapshot = await hub.inspect(repo, revision, credential);
  const isServed = isServedIn(fleet, input, snapshot.task);
  const selection = await selectFromRepo(hub, snapshot, credential, input, isServed);
  const weights = selection.files.find((file) => isWeights(file.path)) ?? selection.files[0];
  const refusal = weights && (await refusalOf(hub.probe(repo, snapshot.commit, weights.path, credential)));
  return { snapshot, selection, credential, refusal };
}

/** Tries again with the fallback if the first credential, or none, is not enough. */
async function withFallback(
  look: (credential: HubCredential | undefined) => Promise<Inspection>,
  named: HubCredential | undefined,
  fallback: HubCredential | undefined,
): Promise<Inspection> {
  const first = await look(named).catch((thrown: unknown) => {
    if (fallback === undefined || !mayNeedToken(thrown)) throw thrown;
    return look(fallback);
  });
  const again = fallback !== undefined && first.credential === undefined && mayNeedToken(first.refusal);
  return again ? look(fallback) : first;
}

/** Why the Hub does not send the weights. The metadata of gated repos is public, so only a request for a file shows it. */
async function refusalOf(probe: Promise<void>): Promise<EcolinkError | undefined> {
  try {
    await probe;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof EcolinkError && thrown.kind === 'refused') return thrown;
    throw thrown;
  }
}

function mayNeedToken(thrown: unknown): boolean {
  return thrown instanceof EcolinkError && mayNeedAnotherToken(thrown.code);
}

async function readArchitecture(
  hub: Hub,
  { repo, commit, files, parameters, task }: RepoSnapshot,
  credential: HubCredential | undefined,
  given: Category | undefined,
): Promise<Architecture> {
  const readText: ReadText = (path, maximumBytes) =>
    hub.readText(repo, commit, path, maximumBytes, credential).catch(ignoreRefusal);
  const hasConfig = files.some((file) => file.path === 'config.json' && file.size < configLimit);
  const text = hasConfig ? await readText('config.json', configLimit) : undefined;
  const chats = (given ?? suggestCategory(task) ?? 'chat') === 'chat';
  const chatTemplate = chats ? await readChatTemplate(files, readText) : undefined;
  return {
    ...architectureOf(text),
    ...(parameters === undefined ? {} : { parameters }),
    ...(chatTemplate && { chatTemplate }),
  };
}
