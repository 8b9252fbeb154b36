import type { PullFile } from '../base/pull-file.ts';
import { EcolinkError } from '../base/errors.ts';
import type { Hub, HubCredential, RepoSnapshot } from '../hub/hub.ts';
import { isPointer, lfsPointers } from './file-heads.ts';
import { checkCollisions, checkFileNames } from './file-names.ts';
import type { WeightFormat } from '../base/categories.ts';
import { isWeights, selectFiles } from './selection.ts';
import type { Selection } from './selection.ts';
import { readContents } from './selection/contents.ts';

interface Patterns {
  include?: string[] | undefined;
  exclude?: string[] | undefined;
}

/** Selects the files of the model in a repo at one commit. Throws if there is no model. Fetches only small files. */
export async function selectFromRepo(
  hub: Hub,
  snapshot: RepoSnapshot,
  credential: HubCredential | undefined,
  { include = [], exclude = [] }: Patterns,
  isServed: (format: WeightFormat) => boolean,
): Promise<Selection> {
  const { repo, commit, files, tags } = snapshot;
  checkFileNames(files);
  const readText = (path: string, maximumBytes: number) =>
    hub.readText(repo, commit, path, maximumBytes, credential).catch(ignoreRefusal);
  const contents = await readContents(files, readText);
  const base = contents.adapterBase ?? baseOfTags(tags);
  const known = base === undefined ? contents : { ...contents, adapterBase: base };
  const selection = selectFiles(files, include, exclude, isServed, known);
  checkCollisions(selection.files);
  // Weights are never this small. Somebody may have uploaded a pointer.
  const suspects = selection.files.filter((file) => isWeights(file.path) && file.size <= usualPointer);
  const pointers = await Promise.all(
    suspects.slice(0, mostSuspects).map(async ({ path }) => {
      const text = await readText(path, usualPointer);
      return text !== undefined && isPointer(Buffer.from(text)) ? [path] : [];
    }),
  );
  if (pointers.flat().length > 0) throw lfsPointers(pointers.flat());
  return selection;
}

const mostSuspects = 16;
/** Pointers have about 130 bytes. */
const usualPointer = 400;

/** The Hub may refuse small files of a gated repo. What they say is unknown then. */
export function ignoreRefusal(thrown: unknown): undefined {
  if (!(thrown instanceof EcolinkError) || thrown.kind === 'unavailable') throw thrown;
}

const baseTag = /^base_model:(?:adapter:)?([^:]+)$/;

function baseOfTags(tags: readonly string[]): string | undefined {
  return tags.flatMap((tag) => baseTag.exec(tag)?.[1] ?? [])[0];
}

/** A warning for an address of a file that was not chosen. The address names the repo all the same. */
export function sayFile(file: string | undefined, selected: readonly PullFile[]): string[] {
  if (file === undefined || selected.some(({ path }) => path === file)) return [];
  return [`The address points at ${file}, which was not chosen. Choose it with include.`];
}
