import { selectionHash } from '../registry/selection-hash.ts';
import type { FetchedSource, Sources } from '../registry/sources/sources.ts';
import type { OwnedModel } from '../registry/table.ts';
import type { Queries } from '../store/store.ts';
import { volumeKey } from './key.ts';
import { queueVolume } from './table.ts';
import type { Volume } from './table.ts';

/** Key of the model's volume in a region. Undefined for a model that engines read in place. */
export function volumeOf(sources: Sources, model: OwnedModel, region: string): string | undefined {
  const delivery = sources.deliveryOf(model);
  if (delivery.kind === 'mounted') return undefined;
  return volumeKey({ ...delivery.origin, selection: selectionHash(model.files), region });
}

/**
 * Requests the weights of a model in a region. With `retry`, a download that failed for good is queued again.
 * Returns the key of the volume. Undefined for a model that engines read in place.
 */
export async function requestVolume(
  db: Queries,
  sources: Sources,
  model: OwnedModel,
  region: string,
  { prefetch = false, retry = true }: { prefetch?: boolean; retry?: boolean } = {},
): Promise<string | undefined> {
  const delivery = sources.deliveryOf(model);
  if (delivery.kind === 'mounted') return undefined;
  const { bytes, files } = model;
  const selection = selectionHash(files);
  const { repo, commit } = delivery.origin;
  const key = volumeKey({ ...delivery.origin, selection, region });
  await queueVolume(db, { key, region, repo, commit, selection, bytes }, { prefetch, retry });
  return key;
}

/** The source that a volume is downloaded from. The row does not name it, so the key is compared. */
export function sourceOfVolume(sources: Sources, volume: Volume): FetchedSource | undefined {
  return sources.fetched().find((source) => volumeKey({ ...volume, ...source }) === volume.key);
}

/** Whether the volume has files of the model's repo. Sources may have repos of the same name. */
export function sharesRepo(sources: Sources, model: Pick<OwnedModel, 'source' | 'repo'>, volume: Volume): boolean {
  if (model.repo !== volume.repo) return false;
  const source = sourceOfVolume(sources, volume);
  // If the source is no longer known, its models must not lose their privacy.
  return source === undefined || source.source === model.source;
}
