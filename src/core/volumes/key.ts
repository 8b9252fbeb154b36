import { digestOf } from '../base/ids.ts';
import type { VolumeOrigin } from '../registry/sources/sources.ts';

/** What the key of a volume is made from: files of a commit, in one region. */
export interface VolumeContent extends VolumeOrigin {
  selection: string;
  region: string;
}

/** Names a volume, and every object of the volume in its region. */
export function volumeKey({ source, identity, repo, commit, selection, region }: VolumeContent): string {
  const content = [repo, commit, selection, region];
  return `v-${digestOf(identity === undefined ? content : [source, identity, ...content]).slice(0, 20)}`;
}
