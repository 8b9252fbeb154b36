import { fail } from '../base/errors.ts';

const inCache = /^((?:.*\/)?(?:models--[^/]+\/)?snapshots\/[^/]+)\//;
const mostShown = 20;

/**
 * Refuses a cache folder of the Hub's own client. The model is one of its snapshots. `readText` reads a small file of the
 * folder. Throws `hub_cache_folder`.
 */
export async function refuseHubCache(
  subfolder: string,
  paths: readonly string[],
  readText: (path: string) => Promise<string | undefined>,
): Promise<void> {
  const segments = subfolder.split('/');
  const last = segments.at(-1) ?? '';
  const isInside = segments.at(-2)?.startsWith('models--') ?? false;
  if (isInside && last === 'blobs') throw isCache(subfolder, [`${segments.slice(0, -1).join('/')}/snapshots`]);
  if (isInside && last === 'snapshots') {
    const commits = new Set(paths.flatMap((path) => path.split('/').slice(0, -1)[0] ?? []));
    if (commits.size > 0)
      throw isCache(
        subfolder,
        [...commits].map((commit) => `${subfolder}/${commit}`),
      );
  }
  const snapshots = [...new Set(paths.flatMap((path) => inCache.exec(path)?.[1] ?? []))];
  const isCacheFolder = last.startsWith('models--') || paths.some((path) => /(?:^|\/)models--[^/]+\//.test(path));
  const hasBlobs = paths.some((path) => /^(?:blobs|refs)\//.test(path));
  if (!isCacheFolder && !(hasBlobs && snapshots.length > 0)) return;
  const current = await readText('refs/main');
  const ordered = snapshots.toSorted((a, b) => Number(isOf(b, current)) - Number(isOf(a, current)));
  throw isCache(
    subfolder,
    ordered.map((path) => `${subfolder}/${path}`),
  );
}

function isOf(snapshot: string, commit: string | undefined): boolean {
  return commit !== undefined && snapshot.endsWith(`/${commit.trim()}`);
}

function isCache(subfolder: string, snapshots: readonly string[]): Error {
  const [first] = snapshots;
  return fail('hub_cache_folder', `${subfolder} belongs to a cache of the Hub's client: the model is in a snapshot.`, {
    nextStep:
      first === undefined ? 'Download the model: the cache has no snapshot.' : `Use the subfolder ${first} instead.`,
    field: 'subfolder',
    validValues: snapshots.slice(0, mostShown),
  });
}
