import { createHash } from 'node:crypto';
import { EcolinkError, fail } from '../base/errors.ts';
import { isMarkedWhole } from '../region/filesystems.ts';
import type { FolderEntry, MarkedFile, Region } from '../region/region.ts';
import type { RegionCapabilities } from '../region/capabilities.ts';
import type { ContentFingerprint, ListingFingerprint } from './model.ts';
import { countsAsModelFile } from './selection/file-kind.ts';
import { weightFormat } from './selection/weight-file.ts';

const configLimit = 1024 ** 2;

/** Small files whose content decides how weights are read. */
function isConfig(entry: FolderEntry): boolean {
  return entry.path.endsWith('.json') && !entry.path.endsWith('.index.json') && entry.size <= configLimit;
}

/** The regular files of a folder. Throws `not_regular_file` if a pipe or a device stands where an engine reads. */
export async function listModelFiles(region: Region, filesystem: string, subfolder: string): Promise<FolderEntry[]> {
  const entries = await region.listFolder(filesystem, subfolder);
  const special = entries.find((entry) => entry.special && countsAsModelFile(entry.path, true));
  if (special) throw notRegular(pathBelow(subfolder, special.path));
  return entries.filter((entry) => !entry.special);
}

/** Throws `not_a_model` if none of the files are weights. */
export function refuseWithoutWeights(filesystem: string, subfolder: string, entries: readonly FolderEntry[]): void {
  if (!entries.some((entry) => weightFormat(entry.path))) throw notAModel(filesystem, subfolder, entries);
}

/** The fingerprint of version 2. `selected`: the files that a launch reads. The order of the lists does not matter. */
export async function fingerprintOf(
  region: Pick<Region, 'markFiles'>,
  filesystem: string,
  subfolder: string,
  entries: readonly FolderEntry[],
  selected: readonly string[],
): Promise<ContentFingerprint> {
  const isSelected = new Set(selected);
  const files = region.markFiles
    ? await region.markFiles(filesystem, subfolder, selected)
    : entries.filter(({ path }) => isSelected.has(path)).map(({ path, size, mtimeMs }) => ({ path, size, mtimeMs }));
  const others = entries.map(({ path }) => path).filter((path) => !isSelected.has(path));
  return {
    version: 2,
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    others: others.filter((path) => countsAsModelFile(path, false)).toSorted(),
  };
}

/** The fingerprint of version 1, to compare with that of an old model. */
export async function listingFingerprintOf(
  region: Region,
  filesystem: string,
  subfolder: string,
  entries: FolderEntry[],
): Promise<ListingFingerprint> {
  const hash = createHash('sha256');
  for (const entry of entries.filter((each) => isConfig(each) && countsAsModelFile(each.path, false))) {
    hash.update(`${entry.path}\0`);
    hash.update(await region.readFile(filesystem, pathBelow(subfolder, entry.path), configLimit));
  }
  return { entries, configHash: hash.digest('hex') };
}

/** Reads small text files of a folder. Undefined for a file that is larger than the limit, or gone. */
export function folderText(region: Region, filesystem: string, subfolder: string) {
  return async (path: string, maximumBytes: number): Promise<string | undefined> => {
    try {
      return (await region.readFile(filesystem, pathBelow(subfolder, path), maximumBytes)).toString('utf8');
    } catch (thrown) {
      if (thrown instanceof EcolinkError && thrown.kind !== 'unavailable') return undefined;
      throw thrown;
    }
  };
}

/** The path of a file from the root of its filesystem. The subfolder is empty for a model at the root. */
export function pathBelow(subfolder: string, path: string): string {
  return subfolder === '' ? path : `${subfolder}/${path}`;
}

function notAModel(filesystem: string, subfolder: string, entries: readonly FolderEntry[]): Error {
  const found =
    entries.length === 0
      ? 'It is empty'
      : `It holds ${entries
          .slice(0, 5)
          .map((entry) => entry.path)
          .join(', ')}`;
  return fail(
    'not_a_model',
    `${subfolder} on ${filesystem} does not look like a model: no weights (*.safetensors, *.gguf, *.bin, *.pt, *.onnx). ${found}.`,
    {
      nextStep: 'Point the subfolder at the folder that holds the weights and their config.json.',
      field: 'subfolder',
    },
  );
}

function notRegular(path: string): Error {
  return fail('not_regular_file', `${path} is a pipe, a socket or a device, not a file.`, {
    nextStep: 'Delete it, or put the model into a folder of its own.',
    field: 'subfolder',
  });
}

/**
 * What has changed in a folder since its registration, in sentences. Notes, pictures and git's own files do not count,
 * because no engine reads them.
 */
export function changesBetween(before: ListingFingerprint, now: ListingFingerprint): string[] {
  const was = new Map(before.entries.map((entry) => [entry.path, entry]));
  const is = new Map(now.entries.map((entry) => [entry.path, entry]));
  const changes: string[] = [];
  for (const [path, entry] of was) {
    if (!countsAsModelFile(path, false)) continue;
    const present = is.get(path);
    if (!present) changes.push(`${path} is gone`);
    else if (present.size !== entry.size) changes.push(resized(entry, present));
    else if (present.mtimeMs !== entry.mtimeMs) changes.push(`${path} was written again`);
  }
  for (const path of is.keys()) if (!was.has(path) && countsAsModelFile(path, true)) changes.push(`${path} is new`);
  if (changes.length === 0 && before.configHash !== now.configHash) changes.push('a config file has other content');
  return changes;
}

/** What has changed in the files that a launch reads, and which files are new beside them. */
export function contentChangesBetween(before: ContentFingerprint, now: ContentFingerprint): string[] {
  const is = new Map(now.files.map((file) => [file.path, file]));
  const known = new Set([...before.files.map(({ path }) => path), ...before.others]);
  return [
    ...before.files.flatMap((was) => contentChange(was, is.get(was.path))),
    ...now.others.filter((path) => !known.has(path) && countsAsModelFile(path, true)).map((path) => `${path} is new`),
  ];
}

function contentChange(was: MarkedFile, present: MarkedFile | undefined): string[] {
  const { path } = was;
  if (!present) return [`${path} is gone`];
  if (present.size !== was.size) return [resized(was, present)];
  // An older image of EcoLink may mark no files.
  const isComparable = was.mark !== undefined && present.mark !== undefined;
  if (isComparable && was.mark !== present.mark) return [`${path} has other content`];
  if (isComparable && isMarkedWhole(present)) return [];
  return present.mtimeMs === was.mtimeMs ? [] : [`${path} was written again`];
}

function resized({ path, size }: FolderEntry, present: FolderEntry): string {
  return `${path} had ${size} bytes and has ${present.size}`;
}

/**
 * Warns of selected files that only their owner may read. Engines in pods are users of their own, such as 2000 for vLLM, and say
 * that the file does not exist. On this machine EcoLink starts the engine as a user that reads them.
 */
export function unreadableWarnings(
  entries: readonly FolderEntry[],
  selected: readonly string[],
  { runtimeKind }: Pick<RegionCapabilities, 'runtimeKind'>,
): string[] {
  const closed = entries.filter(({ path, ownerOnly }) => ownerOnly && selected.includes(path)).map(({ path }) => path);
  if (closed.length === 0 || runtimeKind === 'local') return [];
  const more = closed.length > 1 ? ` and ${closed.length - 1} more` : '';
  return [
    `Only the owner of ${closed[0]}${more} may read it. Engines run as other users. Let the group or others read it: chmod go+r.`,
  ];
}
