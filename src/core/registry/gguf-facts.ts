import type { Category } from '../base/categories.ts';
import type { ReadHead } from './file-heads.ts';
import type { Architecture } from './model.ts';
import type { Selection } from './selection.ts';
import { architectureOfGguf, categoryOfGguf } from './sizing/gguf-architecture.ts';
import { ggufHeadBytes, readGgufHeader } from './sizing/gguf-header.ts';

/** A smaller model fits everywhere, so it is not worth a request. */
const smallestWorth = 4 * 1024 ** 2;

export interface GgufFacts {
  architecture: Architecture;
  suggested: Category | undefined;
}

/** What the header of the selected GGUF file says. Undefined if there is none, or if it cannot be read cheaply. */
export async function ggufFacts(
  { format, entryFile, files }: Pick<Selection, 'format' | 'entryFile' | 'files'>,
  readHead: ReadHead,
): Promise<GgufFacts | undefined> {
  const file = files.find(({ path }) => path === entryFile);
  if (format !== 'gguf' || file === undefined || file.size < smallestWorth) return undefined;
  const head = await readHead(file.path, ggufHeadBytes);
  const header = head && readGgufHeader(head);
  return header && { architecture: architectureOfGguf(header), suggested: categoryOfGguf(header) };
}
