import { digestOf } from '../base/ids.ts';

/** Key of a repo, commit and file selection in one region. All objects of the volume are named after it. */
export function volumeKey(repo: string, commit: string, selection: string, region: string): string {
  return `v-${digestOf([repo, commit, selection, region]).slice(0, 20)}`;
}
