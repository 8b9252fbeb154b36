import type { FolderEntry } from '../../../region/region.ts';

/** What a pod tells of a folder: its files, and the contents of its small JSON files in base64, by path. */
export interface FolderReport {
  entries: FolderEntry[];
  contents: Record<string, string>;
}
