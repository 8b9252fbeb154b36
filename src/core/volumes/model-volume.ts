import { selectionHash } from '../registry/origin.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { Queries } from '../store/store.ts';
import { volumeKey } from './key.ts';
import { queueVolume } from './table.ts';

/** Key of the model's volume in a region. Undefined for a model on a filesystem, which engines read in place. */
export function volumeOf(model: OwnedModel, region: string): string | undefined {
  if (model.repo === undefined || model.commit === undefined) return undefined;
  return volumeKey(model.repo, model.commit, selectionHash(model.files), region);
}

/** Requests the weights of a model in a region. With `retry`, a download that failed for good is queued again. */
export function requestVolume(
  db: Queries,
  model: OwnedModel,
  region: string,
  key: string,
  options: { prefetch?: boolean; retry?: boolean } = {},
): Promise<void> {
  const { repo = '', commit = '', bytes, files } = model;
  const { prefetch = false, retry = true } = options;
  return queueVolume(db, { key, region, repo, commit, selection: selectionHash(files), bytes }, { prefetch, retry });
}
