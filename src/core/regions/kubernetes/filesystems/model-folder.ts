import { normalize } from 'node:path/posix';

/** A snapshot in a cache of the Hub's client. Its files are links to the blobs beside the snapshots. */
const snapshot = /^(?<repo>(?:.*\/)?models--[^/]+)\/snapshots\/[^/]+|^(?<renamed>.+)\/snapshots\/[0-9a-f]{40}(?:\/|$)/;

/**
 * The part of a filesystem that an engine needs for the model in `subfolder`, as a `subPath`. Undefined if that is the
 * whole filesystem. Pure.
 */
export function modelFolderOf(subfolder: string): string | undefined {
  const path = normalize(subfolder).replace(/\/$/, '');
  const { repo, renamed } = snapshot.exec(path)?.groups ?? {};
  const folder = repo ?? renamed ?? path;
  return folder === '.' || folder === '' ? undefined : folder;
}
