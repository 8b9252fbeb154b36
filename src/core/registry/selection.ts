import type { PullFile } from '../base/pull-file.ts';
import type { WeightFormat } from '../base/categories.ts';
import { pickleWarnings } from './model.ts';
import { chooseFiles } from './selection/by-choice.ts';
import { describeChosen } from './selection/by-patterns.ts';
import type { RepoContents } from './selection/contents.ts';
import { fileKind } from './selection/file-kind.ts';
import { LeaveList } from './selection/left-out.ts';
import type { LeftOut } from './selection/left-out.ts';
import { compilePatterns } from './selection/patterns.ts';
import { emptyWeights, nothingSelected } from './selection/refusals.ts';
import { weightFormat } from './selection/weight-file.ts';

export interface Selection {
  format: WeightFormat;
  files: PullFile[];
  /** For GGUF: the file that an engine opens. Of several shards, it is the first. */
  entryFile?: string;
  warnings: string[];
  /** Every file that is not among `files`, in groups. */
  leftOut: LeftOut[];
}

const named: WeightFormat[] = ['safetensors', 'gguf', 'pytorch', 'onnx'];

/** The formats of the weights, in order of preference. */
export function formatsOf(files: readonly { path: string }[]): WeightFormat[] {
  const found = new Set(files.flatMap(({ path }) => (isWeights(path) ? (weightFormat(path) ?? []) : [])));
  return named.filter((format) => found.has(format));
}

/** Whether a file has weights of a model. A trainer's state, git's objects and voices do not count. */
export function isWeights(path: string): boolean {
  const format = weightFormat(path);
  return format !== undefined && format !== 'other' && fileKind(path) === 'other';
}

/**
 * Selects the files that a launch fetches. Without patterns, EcoLink chooses exactly one copy of one model: the first format
 * that a runtime serves, one precision, and a quantisation that is small and good (`Q4_K_M`). `include` replaces this
 * choice. `exclude` removes files before it. `contents` are the repo's index files, which come before names.
 *
 * Throws if there is not one whole model: `not_a_model`, `empty_weights`, `adapter_not_a_model`, `only_checkpoints`,
 * `missing_shards`, `several_models`, `nothing_selected`, `bad_pattern`.
 */
export function selectFiles(
  all: readonly PullFile[],
  include: readonly string[],
  exclude: readonly string[],
  isServed: (format: WeightFormat) => boolean = () => true,
  contents: RepoContents = {},
): Selection {
  const leave = new LeaveList();
  const [isIncluded, isExcluded] = [compilePatterns(include, 'include'), compilePatterns(exclude, 'exclude')];
  leave.leave(
    'excluded',
    all.filter(({ path }) => isExcluded(path)),
  );
  if (include.length > 0)
    leave.leave(
      'not included',
      all.filter(({ path }) => !isIncluded(path)),
    );
  const offered = all.filter(({ path }) => !leave.has(path));
  refuseNothing(all, offered, include);
  const chosen =
    include.length > 0
      ? describeChosen(offered, all, isServed, contents)
      : chooseFiles(offered, isServed, contents, leave);
  const files = offered.filter(({ path }) => !leave.has(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const empty = files.filter(({ path, size }) => size === 0 && isWeights(path));
  if (empty.length > 0) throw emptyWeights(empty);
  const warnings = [...chosen.warnings, ...pickleWarnings({ format: chosen.format, files })];
  return { ...chosen, warnings, files, leftOut: leave.groups(all) };
}

function refuseNothing(all: readonly PullFile[], offered: readonly PullFile[], include: readonly string[]): void {
  if (all.length === 0) return;
  const isBare = formatsOf(offered).length === 0 && formatsOf(all).length > 0;
  // Another format may have an engine, if somebody asks for it by name.
  const isOther = include.length > 0 && offered.some(({ path }) => weightFormat(path) !== undefined);
  if (offered.length === 0 || (isBare && !isOther)) throw nothingSelected(include.length > 0 ? 'include' : 'exclude');
}
