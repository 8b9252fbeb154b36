import { EcolinkError } from '../../base/errors.ts';
import { digestOfFiles } from '../../region/filesystems.ts';
import { checkHeads } from '../file-heads.ts';
import type { ReadHead } from '../file-heads.ts';
import { ggufFacts } from '../gguf-facts.ts';
import { checkFileNames } from '../file-names.ts';
import {
  changesBetween,
  contentChangesBetween,
  fingerprintOf,
  folderText,
  listingFingerprintOf,
  listModelFiles,
  pathBelow,
  refuseWithoutWeights,
} from '../folder.ts';
import { refuseHubCache } from '../hub-cache.ts';
import type { Model } from '../model.ts';
import { formatsOf, selectFiles } from '../selection.ts';
import { readContents } from '../selection/contents.ts';
import { readChatTemplate } from '../chat-template.ts';
import { architectureOf } from '../sizing.ts';
import { isServedIn } from './is-served.ts';
import { requireField } from './require-field.ts';
import type {
  Candidate,
  ModelSource,
  MountedFolder,
  RegisteredSource,
  SourceDeps,
  SourceFields,
  SourceInput,
  SourceState,
} from './source.ts';

const configLimit = 1024 ** 2;
/** `refs/main` of a cache holds a commit. */
const referenceLimit = 1024;

/** Folders of shared filesystems, which engines read in place. */
export const filesystemSource: ModelSource = {
  name: 'filesystem',
  examine: examineFolder,
  originOf: ({ filesystem, subfolder }) => `${filesystem}:${subfolder}`,
  bytes: { kind: 'mounted', folderOf, pathOf },
  stateOf,
};

function folderOf({ region, filesystem, subfolder }: SourceFields): MountedFolder {
  return {
    region: requireField(region, 'region'),
    filesystem: requireField(filesystem, 'filesystem'),
    subfolder: requireField(subfolder, 'subfolder'),
  };
}

async function examineFolder({ fleet }: SourceDeps, input: SourceInput): Promise<Candidate> {
  const filesystem = await fleet.filesystem(requireField(input.filesystem, 'filesystem'));
  const region = fleet.region(filesystem.region);
  const subfolder = requireField(input.subfolder, 'subfolder')
    .trim()
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '');
  const readText = folderText(region, filesystem.name, subfolder);
  const entries = await listModelFiles(region, filesystem.name, subfolder);
  const found = entries.map(({ path, size }) => ({ path, size }));
  const has = (path: string): boolean => found.some((file) => file.path === path);
  const paths = found.map(({ path }) => path);
  await refuseHubCache(subfolder, paths, async (path) => (has(path) ? readText(path, referenceLimit) : undefined));
  refuseWithoutWeights(filesystem.name, subfolder, entries);
  const isServed = isServedIn(fleet, input, undefined, region.name);
  const contents = await readContents(found, readText);
  const selection = selectFiles(found, input.include ?? [], input.exclude ?? [], isServed, contents);
  checkFileNames(selection.files);
  const readHead: ReadHead = async (path, bytes) =>
    region.readHead?.(filesystem.name, pathBelow(subfolder, path), bytes);
  await checkHeads(selection.files, readHead);
  const gguf = await ggufFacts(selection, readHead);
  const config = has('config.json')
    ? await region.readFile(filesystem.name, pathBelow(subfolder, 'config.json'), configLimit)
    : undefined;
  const chats = (input.category ?? 'chat') === 'chat' && gguf === undefined;
  const chatTemplate = chats ? await readChatTemplate(found, readText) : undefined;
  return {
    source: filesystemSource.name,
    title: `${filesystem.name}:${subfolder}`,
    filesystem: filesystem.name,
    subfolder,
    path: `${filesystem.mountPath}/${subfolder}`,
    region: filesystem.region,
    ...selection,
    formats: formatsOf(found),
    bytes: selection.files.reduce((sum, file) => sum + file.size, 0),
    gated: false,
    suggested: gguf?.suggested,
    architecture: gguf?.architecture ?? {
      ...architectureOf(config?.toString('utf8')),
      ...(chatTemplate && { chatTemplate }),
    },
    fingerprint: await fingerprintOf(region, filesystem.name, subfolder, entries, pathsOf(selection)),
  };
}

/** Reads the folder again, but not the heads of its files: a model that was registered stays registered. */
async function stateOf({ fleet }: SourceDeps, model: RegisteredSource): Promise<SourceState> {
  const { region: name, filesystem, subfolder } = folderOf(model);
  const region = fleet.region(name);
  const entries = await listModelFiles(region, filesystem, subfolder);
  refuseWithoutWeights(filesystem, subfolder, entries);
  const paths = pathsOf(model);
  const now = await fingerprintOf(region, filesystem, subfolder, entries, paths);
  const before = model.fingerprint;
  const files = { paths, digest: digestOfFiles(now.files) };
  if (before === undefined) return { changes: [], files };
  if (before.version === 2) return { changes: contentChangesBetween(before, now), files };
  return { changes: changesBetween(before, await listingFingerprintOf(region, filesystem, subfolder, entries)), files };
}

function pathsOf({ files }: Pick<Model, 'files'>): string[] {
  return files.map(({ path }) => path);
}

async function pathOf({ fleet }: SourceDeps, model: SourceFields): Promise<string | undefined> {
  const { filesystem, subfolder } = folderOf(model);
  try {
    return `${(await fleet.filesystem(filesystem)).mountPath}/${subfolder}`;
  } catch (thrown) {
    // Not in the configuration now, or its region does not answer.
    if (thrown instanceof EcolinkError && thrown.code === 'filesystem_not_found') return undefined;
    throw thrown;
  }
}
