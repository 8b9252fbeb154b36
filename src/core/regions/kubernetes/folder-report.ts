import type { FolderEntry } from '../region.ts';

/** Of every head: the magic of a tar archive reaches up to here. */
export const headBytes = 264;

/** What a pod tells of a folder: its files, and the contents of its small JSON files in base64, by path. */
export interface FolderReport {
  entries: FolderEntry[];
  contents: Record<string, string>;
  /** The first bytes of files of weights, in base64, by path. Images of older versions tell none. */
  heads?: Record<string, string> | undefined;
}
