import type { FilesystemConfig } from '../config/schema.ts';
import { fail } from '../base/errors.ts';
import type { Region, RegionFilesystem } from './region.ts';
import type { Reason } from '../base/reason.ts';

/** A shared filesystem, and where it is. */
export interface Filesystem {
  name: string;
  region: string;
  mountPath: string;
}

export interface FilesystemView {
  name: string;
  region: string;
  mount_path: string;
  state: 'usable' | 'unusable' | 'unknown';
  reason?: string;
}

export function mountPath(filesystem: FilesystemConfig): string {
  return filesystem.mount_path ?? `/mnt/${filesystem.name}`;
}

/** What the config names, and what regions have besides. A name means one of them: the config's, then the first region's. */
export async function viewFilesystems(
  configured: readonly FilesystemConfig[],
  regions: readonly Region[],
): Promise<{ views: FilesystemView[]; silent?: Reason }> {
  const asked = await Promise.all(regions.map(async (region) => ({ region, ...(await region.filesystems()) })));
  const views = asked.flatMap(({ region, filesystems }) => filesystems.map((each) => viewOf(region.name, each)));
  const ownerOf = (name: string): string | undefined =>
    (configured.find((each) => each.name === name) ?? views.find((each) => each.name === name))?.region;
  const silent = asked.find(({ reason }) => reason)?.reason;
  return {
    views: views.map((view) => (ownerOf(view.name) === view.region ? view : hidden(view, ownerOf(view.name)))),
    ...(silent ? { silent } : {}),
  };
}

function viewOf(region: string, { name, mountPath: path, state, reason }: RegionFilesystem): FilesystemView {
  return { name, region, mount_path: path, state, ...(reason ? { reason: reason.message } : {}) };
}

function hidden(view: FilesystemView, owner: string | undefined): FilesystemView {
  return { ...view, state: 'unusable', reason: `The region ${owner} has a filesystem of this name.` };
}

/** Throws `filesystem_not_found` with the filesystems there are. */
export async function findFilesystem(
  name: string,
  configured: readonly FilesystemConfig[],
  regions: readonly Region[],
): Promise<Filesystem> {
  const listed = configured.find((each) => each.name === name);
  if (listed) return { name, region: listed.region, mountPath: mountPath(listed) };
  const { views, silent } = await viewFilesystems(configured, regions);
  const found = views.find((view) => view.name === name);
  if (found) return { name, region: found.region, mountPath: found.mount_path };
  const names = [...new Set(views.map((view) => view.name))];
  const unknown = silent ? ` A region could not be asked: ${silent.message}` : '';
  throw fail('filesystem_not_found', `There is no filesystem "${name}".${unknown}`, {
    nextStep:
      names.length > 0
        ? 'Name one of the filesystems that list-filesystems shows.'
        : 'Add it under "filesystems" in ecolink.yaml.',
    field: 'filesystem',
    validValues: names,
  });
}
