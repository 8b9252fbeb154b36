import { selectionHash } from '../registry/origin.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { Queries } from '../store/store.ts';
import { volumeKey } from './key.ts';
import { wantVolume } from './table.ts';

/** The key of the volume that holds the model in a region. Undefined for a model on a filesystem: engines read it in place. */
export function volumeOf(model: OwnedModel, region: string): string | undefined {
  if (model.repo === undefined || model.commit === undefined) return undefined;
  return volumeKey(model.repo, model.commit, selectionHash(model.files), region);
}

/** Asks for the bytes of a model in a region. A new launch is a new try: a download that failed for good is queued again. */
export function want(
  db: Queries,
  model: OwnedModel,
  region: string,
  key: string,
  options: { prefetch?: boolean; retry?: boolean } = {},
): Promise<void> {
  const { repo = '', commit = '', bytes, files } = model;
  const { prefetch = false, retry = true } = options;
  return wantVolume(db, { key, region, repo, commit, selection: selectionHash(files), bytes }, { prefetch, retry });
}
