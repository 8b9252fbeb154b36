import type { PullFile } from '../../base/pull-file.ts';
import type { WeightFormat } from '../../base/categories.ts';
import { adapterWeights, sideWeights } from './adapters.ts';
import { chooseCopies, wholeFormats } from './choose-copy.ts';
import type { Source } from './choose-copy.ts';
import { chooseGguf, holdsGgufModel, isGguf, noGgufModel } from './choose-gguf.ts';
import { leaveBesideComponents } from './components.ts';
import { isPickleName } from '../model.ts';
import { isIndex } from './contents.ts';
import type { RepoContents } from './contents.ts';
import { copyFolderOf } from './copy-folder.ts';
import { fileKind, trainerFolderOf } from './file-kind.ts';
import type { LeaveList } from './left-out.ts';
import { emptyWeights, isAdapter, notAModel, onlyCheckpoints } from './refusals.ts';
import { refuseSeveralFolders } from './several-folders.ts';
import { refuseSeveralSizes } from './several-sizes.ts';
import { folderOf, parseIndexName, parseWeight, weightFormat } from './weight-file.ts';
import type { WeightFile } from './weight-file.ts';
import { bytesOf, weightSets } from './weight-sets.ts';
import type { WeightSet } from './weight-sets.ts';

export interface Chosen {
  format: WeightFormat;
  entryFile?: string;
  warnings: string[];
}

/** Chooses one copy of one model. Other files go to the leave list. Throws if there is not exactly one model. */
export function chooseFiles(
  files: readonly PullFile[],
  isServed: (format: WeightFormat) => boolean,
  contents: RepoContents,
  leave: LeaveList,
): Chosen {
  leaveByKind(files, leave);
  const useful = files.filter(({ path }) => !leave.has(path));
  const named = useful.filter(({ path }) => fileKind(path) === 'other').flatMap((file) => parseWeight(file) ?? []);
  const weights = named.filter(({ format }) => format !== 'other');
  if (weights.length === 0) return chooseOther(files, named);
  if (weights.every(({ file }) => file.size === 0)) throw emptyWeights(weights.map(({ file }) => file));
  leaveExtras(useful, weights, contents, leave);
  const kept = weights.filter(({ path }) => !leave.has(path));
  refuseSeveralFolders(useful, kept);
  const paths = useful.map(({ path }) => path);
  const all = weightSets(
    kept.filter(({ format }) => format !== 'gguf'),
    paths,
    contents,
  );
  const sets = leaveUnloaded(all, useful, leave);
  const sources = sourcesOf(kept, sets);
  const first = sources[0];
  const source = sources.find(({ format }) => isServed(format)) ?? first;
  if (!source || !first) throw noGgufModel(files, contents.adapterBase);
  leave.leave(
    'other format',
    named.filter(({ format }) => format === 'other'),
  );
  const warnings = source === first ? [] : [sayFormat(sources, source)];
  if (source.format === 'gguf') return { format: 'gguf', ...fromGguf(useful, weights, contents, warnings, leave) };
  leave.leave(
    'other format',
    weights.filter(({ format }) => format === 'gguf'),
  );
  const chosen = chooseCopies(source, sets, leave);
  refuseSeveralSizes(chosen);
  leaveCompanions(useful, chosen, leave);
  return { format: source.format, warnings };
}

function leaveByKind(files: readonly PullFile[], leave: LeaveList): void {
  for (const file of files) {
    const kind = fileKind(file.path);
    if (kind !== 'other' && kind !== 'voice') leave.leave(kind, [file]);
  }
}

/** An unknown format may still have an engine. Without any weights this is no model. */
function chooseOther(files: readonly PullFile[], named: readonly WeightFile[]): Chosen {
  if (named.length > 0)
    return { format: 'other', warnings: ['No file looks like weights that an engine here can load.'] };
  const folders = files.flatMap(({ path }) => (weightFormat(path) ? (trainerFolderOf(path) ?? []) : []));
  if (folders.length > 0) throw onlyCheckpoints([...new Set(folders)]);
  throw notAModel(files);
}

/** Leaves out adapters, side weights, and files beside a pipeline's components. */
function leaveExtras(
  files: readonly PullFile[],
  weights: readonly WeightFile[],
  contents: RepoContents,
  leave: LeaveList,
): void {
  const plain = weights.filter(({ format }) => format !== 'gguf');
  const adapters = adapterWeights(files, plain);
  if (adapters.length === plain.length && adapters.length > 0 && !holdsGgufModel(files))
    throw isAdapter(contents.adapterBase);
  // Adapters in folders of their own come with a model that switches between them.
  leave.leave(
    'adapter',
    adapters.filter(({ folder }) => folder === ''),
  );
  if (adapters.length > 0)
    leave.leave(
      'adapter',
      files.filter(({ path }) => path === 'adapter_config.json'),
    );
  const indexed = new Set([...(contents.indexes?.values() ?? [])].flat());
  const side = sideWeights(plain, indexed);
  if (side.length < plain.length) leave.leave('side weights', withTheirFolders(side, plain, files));
  const rest = plain.filter(({ path }) => !leave.has(path));
  leaveBesideComponents(files, rest, contents, leave);
}

/** Side weights, and the configs and tokenizers of folders that have no other weights. */
function withTheirFolders(
  side: readonly WeightFile[],
  weights: readonly WeightFile[],
  files: readonly PullFile[],
): { path: string }[] {
  const others = new Set(weights.filter((each) => !side.includes(each)).map(({ path }) => folderOf(path)));
  const folders = new Set(side.map(({ path }) => folderOf(path)).filter((folder) => folder && !others.has(folder)));
  return [...side, ...files.filter(({ path }) => folders.has(folderOf(path)) && weightFormat(path) === undefined)];
}

/** Formats of programs that are no engine: they are the model only if there is nothing else. */
const unloaded = /\.(?:pkl|pickle|joblib|nemo)$/i;

/** Leaves out pickles that no engine loads beside the model's weights: a scaler, statistics, a copy for NeMo. */
function leaveUnloaded(sets: readonly WeightSet[], files: readonly PullFile[], leave: LeaveList): WeightSet[] {
  const loaded = sets.filter((set) => !set.files.every(({ path }) => unloaded.test(path)));
  if (loaded.length === 0) return [...sets];
  leave.leave(
    'other format',
    files.filter(({ path }) => unloaded.test(path)),
  );
  return loaded;
}

/** Below this share of the largest GGUF, a file in another format is not the model. */
const strayShare = 0.05;

function sourcesOf(weights: readonly WeightFile[], sets: readonly WeightSet[]): Source[] {
  const ggufs = weights.filter(({ format }) => format === 'gguf');
  const whole = wholeFormats(sets);
  if (!holdsGgufModel(ggufs.map(({ file }) => file))) return whole;
  const largest = Math.max(...ggufs.map(({ file }) => file.size));
  const gguf: Source = { format: 'gguf', sets: [] };
  const isStray = whole.every((source) => bytesOf(source.sets.flatMap(({ files }) => files)) < largest * strayShare);
  const [first, ...others] = whole;
  if (isStray || first?.format !== 'safetensors') return [gguf, ...whole];
  return [first, gguf, ...others];
}

function fromGguf(
  files: readonly PullFile[],
  weights: readonly WeightFile[],
  { adapterBase }: RepoContents,
  warnings: readonly string[],
  leave: LeaveList,
) {
  const chosen = chooseGguf(
    files.filter(({ path }) => isGguf(path)),
    adapterBase,
    leave,
  );
  leave.leave(
    'other format',
    weights.filter(({ format }) => format !== 'gguf'),
  );
  // llama.cpp loads nothing else. A tokenizer as a pickle would only make the launch look dangerous.
  leave.leave(
    'other format',
    files.filter(({ path }) => isPickleName(path)),
  );
  leaveCompanions(files, [], leave, new Set(chosen.files.map(({ path }) => path)));
  return { entryFile: chosen.entryFile, warnings: [...warnings, ...chosen.warnings] };
}

/** Leaves out what belongs to a copy that was left out: its index, and other files in a folder of copies. */
function leaveCompanions(
  files: readonly PullFile[],
  chosen: readonly WeightSet[],
  leave: LeaveList,
  kept: ReadonlySet<string> = new Set(),
): void {
  const folders = new Set(chosen.flatMap((set) => copyFolderOf(set.files[0]?.path ?? '')?.path ?? []));
  for (const file of files) {
    const folder = copyFolderOf(file.path);
    if (folder && !folders.has(folder.path) && !kept.has(file.path) && fileKind(file.path) === 'other')
      leave.leave(folder.reason, [file]);
    const about = isIndex(file.path) ? parseIndexName(file.path) : undefined;
    if (about === undefined) continue;
    const isUsed = chosen.some(
      (set) =>
        set.folder === about.folder &&
        set.format === about.format &&
        set.stem === about.stem &&
        set.variant === about.variant &&
        set.isIndexed,
    );
    if (!isUsed) leave.leave('other copy', [file]);
  }
}

function sayFormat(sources: readonly Source[], { format }: Source): string {
  const all = sources.map((source) => source.format).join(' and ');
  return `The repo holds ${all}; ${format} was chosen, since a runtime here serves it. Choose another with include.`;
}
