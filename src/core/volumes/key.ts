import { digestOf } from '../base/ids.ts';

/** Names one (repo, commit, file selection) in one region. Every object of the volume gets its name from it. */
export function volumeKey(repo: string, commit: string, selection: string, region: string): string {
  return `v-${digestOf([repo, commit, selection, region]).slice(0, 20)}`;
}
