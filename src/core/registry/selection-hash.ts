import type { PullFile } from '../base/pull-file.ts';
import { digestOf } from '../base/ids.ts';

/** Names one set of files of one commit. Models that have the same one share volumes. */
export function selectionHash(files: readonly PullFile[]): string {
  return digestOf(files);
}
