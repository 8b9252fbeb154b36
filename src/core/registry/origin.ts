import type { PullFile } from '../base/pull-file.ts';
import { digestOf } from '../base/ids.ts';
import type { Model } from './model.ts';

/** Names one set of files of one commit: entries that share it share volumes. */
export function selectionHash(files: readonly PullFile[]): string {
  return digestOf(files);
}

/** Where it comes from, in one line. */
export function originOf(model: Pick<Model, 'source' | 'repo' | 'revision' | 'filesystem' | 'subfolder'>): string {
  return model.source === 'huggingface' ? `${model.repo}@${model.revision}` : `${model.filesystem}:${model.subfolder}`;
}
