import type { PullFile } from '../../base/pull-file.ts';
import type { RepoContents } from './contents.ts';
import type { LeaveList } from './left-out.ts';
import type { WeightFile } from './weight-file.ts';

const pipelineIndex = /^(?:modular_)?model_index\.json$/;

/**
 * An engine loads only the folders that the index of a pipeline (diffusers) names. Leaves out folders for other programs,
 * and the same model as one file at the top.
 */
export function leaveBesideComponents(
  files: readonly PullFile[],
  weights: readonly WeightFile[],
  contents: RepoContents,
  leave: LeaveList,
): void {
  if (!files.some(({ path }) => pipelineIndex.test(path))) return;
  const folders = new Set(weights.filter(({ folder }) => folder !== '').map(({ path }) => topOf(path)));
  const components = componentFolders(folders, files, contents.components);
  if (components.size === 0) return;
  leave.leave(
    'single-file checkpoint',
    weights.filter(({ folder }) => folder === ''),
  );
  const others = new Set([...folders].filter((folder) => !components.has(folder)));
  leave.leave(
    'not a component',
    files.filter(({ path }) => path.includes('/') && others.has(topOf(path))),
  );
}

function topOf(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

/** The folders that the index names. If it could not be read: those with a config, which every component has. */
function componentFolders(
  folders: ReadonlySet<string>,
  files: readonly PullFile[],
  named: ReadonlySet<string> | undefined,
): ReadonlySet<string> {
  const known = [...folders].filter((folder) => named?.has(folder));
  if (known.length > 0) return new Set(known);
  const configured = [...folders].filter((folder) => files.some(({ path }) => path === `${folder}/config.json`));
  return configured.length > 0 ? new Set(configured) : folders;
}
