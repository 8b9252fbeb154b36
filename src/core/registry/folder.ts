import { createHash } from 'node:crypto';
import { EcolinkError, fail } from '../base/errors.ts';
import type { FolderEntry, Region } from '../region/region.ts';
import type { Fingerprint } from './model.ts';
import { countsAsModelFile } from './selection/file-kind.ts';
import { weightFormat } from './selection/weight-file.ts';

const configLimit = 1024 ** 2;

/** Small files whose content decides how weights are read. */
function isConfig(entry: FolderEntry): boolean {
  return entry.path.endsWith('.json') && !entry.path.endsWith('.index.json') && entry.size <= configLimit;
}

/** Lists the folder and takes its fingerprint. Throws `not_a_model` if the folder has no weights. */
export async function readFolder(region: Region, filesystem: string, subfolder: string): Promise<Fingerprint> {
  return fingerprintOf(region, filesystem, subfolder, await region.listFolder(filesystem, subfolder));
}

/** The fingerprint of a folder with these files. Throws `not_a_model` if none of them are weights. */
export async function fingerprintOf(
  region: Region,
  filesystem: string,
  subfolder: string,
  entries: FolderEntry[],
): Promise<Fingerprint> {
  if (!entries.some((entry) => weightFormat(entry.path))) throw notAModel(filesystem, subfolder, entries);
  const hash = createHash('sha256');
  for (const entry of entries.filter((each) => isConfig(each) && countsAsModelFile(each.path, false))) {
    hash.update(`${entry.path}\0`);
    hash.update(await region.readFile(filesystem, `${subfolder}/${entry.path}`, configLimit));
  }
  return { entries, configHash: hash.digest('hex') };
}

/** Reads small text files of a folder. Undefined for a file that is larger than the limit, or gone. */
export function folderText(region: Region, filesystem: string, subfolder: string) {
  return async (path: string, maximumBytes: number): Promise<string | undefined> => {
    try {
      return (await region.readFile(filesystem, `${subfolder}/${path}`, maximumBytes)).toString('utf8');
    } catch (thrown) {
      if (thrown instanceof EcolinkError && thrown.kind !== 'unavailable') return undefined;
      throw thrown;
    }
  };
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

const shown = 10;

/**
 * What has changed in a folder since its registration, in sentences. Notes, pictures and git's own files do not count,
 * because no engine reads them.
 */
export function changesBetween(before: Fingerprint, now: Fingerprint): string[] {
  const was = new Map(before.entries.map((entry) => [entry.path, entry]));
  const is = new Map(now.entries.map((entry) => [entry.path, entry]));
  const changes: string[] = [];
  for (const [path, entry] of was) {
    if (!countsAsModelFile(path, false)) continue;
    const present = is.get(path);
    if (!present) changes.push(`${path} is gone`);
    else if (present.size !== entry.size) changes.push(`${path} had ${entry.size} bytes and has ${present.size}`);
    else if (present.mtimeMs !== entry.mtimeMs) changes.push(`${path} was written again`);
  }
  for (const path of is.keys()) if (!was.has(path) && countsAsModelFile(path, true)) changes.push(`${path} is new`);
  if (changes.length === 0 && before.configHash !== now.configHash) changes.push('a config file has other content');
  return changes.length > shown ? [...changes.slice(0, shown), `and ${changes.length - shown} more`] : changes;
}
