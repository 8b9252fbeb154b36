import { digestOf } from '../base/ids.ts';
import type { VolumeOrigin } from '../registry/sources/sources.ts';

/** What the key of a volume depends on. */
export interface VolumeContent extends VolumeOrigin {
  selection: string;
  region: string;
}

/** Key of the files of a commit in one region. All objects of the volume are named after it. */
export function volumeKey({ source, identity, repo, commit, selection, region }: VolumeContent): string {
  const content = [repo, commit, selection, region];
  return `v-${digestOf(identity === undefined ? content : [source, identity, ...content]).slice(0, 20)}`;
}
