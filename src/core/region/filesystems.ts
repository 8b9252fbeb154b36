import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import type { Reason } from '../base/reason.ts';
import type { FilesystemConfig } from '../config/schema.ts';
import { digestOf } from '../base/ids.ts';
import type { MarkedFile, Region, RegionFilesystem } from './region.ts';

/** Length of a file's head, in bytes. The magic number of a tar archive ends here. */
export const headBytes = 264;

/** Whether all of the file was hashed. Its time says nothing then. */
export function isMarkedWhole({ mark }: MarkedFile): boolean {
  return mark?.startsWith('whole:') ?? false;
}

/**
 * One hash for the files that a launch reads. Their order does not matter. Inodes and the times of inodes are not in it:
 * they change without a change of content.
 */
export function digestOfFiles(files: readonly MarkedFile[]): string {
  const rows = files.map((file) => {
    const { path, size, mtimeMs, mark } = file;
    return [path, size, isMarkedWhole(file) ? null : mtimeMs, mark ?? null] as const;
  });
  return digestOf(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A shared filesystem and its region. */
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
  reason?: string | undefined;
}

export function mountPath(filesystem: FilesystemConfig): string {
  return filesystem.mount_path ?? `/mnt/${filesystem.name}`;
}

/**
 * The filesystems of the configuration, and those that regions find by themselves. A name belongs to the configuration
 * first, then to the first region that has it. `unreachable`: why a region did not answer.
 */
export async function viewFilesystems(
  configured: readonly FilesystemConfig[],
  regions: readonly Region[],
): Promise<{ views: FilesystemView[]; unreachable?: Reason | undefined }> {
  const answers = await Promise.all(regions.map(async (region) => ({ region, ...(await region.filesystems()) })));
  const views = answers.flatMap(({ region, filesystems }) => filesystems.map((each) => viewOf(region.name, each)));
  const ownerOf = (name: string): string | undefined =>
    (configured.find((each) => each.name === name) ?? views.find((each) => each.name === name))?.region;
  return {
    views: views.map((view) => (ownerOf(view.name) === view.region ? view : nameTaken(view, ownerOf(view.name)))),
    unreachable: answers.find(({ reason }) => reason)?.reason,
  };
}

function viewOf(region: string, { name, mountPath: path, state, reason }: RegionFilesystem): FilesystemView {
  return { name, region, mount_path: path, state, reason: reason?.message };
}

function nameTaken(view: FilesystemView, owner: string | undefined): FilesystemView {
  return { ...view, state: 'unusable', reason: `The region ${owner} has a filesystem of this name.` };
}

/** Throws `filesystem_not_found` with the names of the filesystems that exist. */
export async function findFilesystem(
  name: string,
  configured: readonly FilesystemConfig[],
  regions: readonly Region[],
): Promise<Filesystem> {
  const listed = configured.find((each) => each.name === name);
  if (listed) return { name, region: listed.region, mountPath: mountPath(listed) };
  const { views, unreachable } = await viewFilesystems(configured, regions);
  const found = views.find((view) => view.name === name);
  if (found) return { name, region: found.region, mountPath: found.mount_path };
  const names = [...new Set(views.map((view) => view.name))];
  const unknown = unreachable ? ` A region did not answer: ${unreachable.message}` : '';
  throw fail('filesystem_not_found', `There is no filesystem "${name}".${unknown}`, {
    nextStep:
      names.length > 0
        ? say`Name one of the filesystems that ${run('list_filesystems')} shows.`
        : 'Add it under "filesystems" in ecolink.yaml.',
    field: 'filesystem',
    validValues: names,
  });
}
