import type { WeightFormat } from '../../base/categories.ts';
import { copyFolderOf } from './copy-folder.ts';
import type { LeaveList, LeftOutReason } from './left-out.ts';
import { missingShardsError } from './refusals.ts';
import type { WeightSet } from './weight-sets.ts';

/** Formats in which a model may be stored in parts, the safest first. */
const partFormats: WeightFormat[] = ['safetensors', 'pytorch', 'onnx'];

/** The sets of one format: those in the usual folders, or those in one folder of copies. */
export interface Source {
  format: WeightFormat;
  sets: WeightSet[];
}

function placeOf(set: WeightSet): string {
  return copyFolderOf(set.files[0]?.path ?? '')?.path ?? '';
}

/** Every format that has the whole model, in order of preference. */
export function wholeFormats(sets: readonly WeightSet[]): Source[] {
  const places = Map.groupBy(
    sets.filter(({ format }) => partFormats.includes(format)),
    placeOf,
  );
  const usual = places.get('') ?? [];
  places.delete('');
  const largest = [...places.values()].toSorted((a, b) => total(b) - total(a));
  return partFormats.flatMap((format) => {
    if (holdsPrincipal(usual, format)) return [{ format, sets: usual }];
    // Folders beside a model are for other programs. Engines for ONNX do look into them.
    const inFolder = usual.length === 0 || format === 'onnx' ? largest : [];
    const found = inFolder.find((each) => each.some((set) => set.format === format));
    return found ? [{ format, sets: found }] : [];
  });
}

function total(sets: readonly WeightSet[]): number {
  return sets.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Whether a format has the main part of the model: the main file at the top, else the largest part. */
function holdsPrincipal(sets: readonly WeightSet[], format: WeightFormat): boolean {
  const atTop = sets.filter((set) => set.isMain && set.folder === '');
  if (atTop.length > 0) return atTop.some((set) => set.format === format);
  const sizes = new Map<string, number>();
  for (const set of sets) sizes.set(partOf(set, format), Math.max(sizes.get(partOf(set, format)) ?? 0, set.bytes));
  const largest = Math.max(0, ...sizes.values());
  return sets.some((set) => set.format === format && sizes.get(partOf(set, format)) === largest);
}

/** A key that all copies of one part share. In ONNX, encoder and decoder are parts. In other formats they are one file. */
function partOf({ folder, stem, isMain, format }: WeightSet, chosen: WeightFormat): string {
  return isMain && !(chosen === 'onnx' && format === 'onnx') ? `${folder}|` : `${folder}|${stem}`;
}

/** Chooses one copy of each part and leaves the others out. Throws `missing_shards` if no copy is complete. */
export function chooseCopies({ format, sets }: Source, all: readonly WeightSet[], leave: LeaveList): WeightSet[] {
  const within = new Set(sets);
  for (const set of all) if (!within.has(set)) leave.leave(reasonOutside(set, format), set.files);
  const parts = [...Map.groupBy(sets, (set) => partOf(set, format)).values()];
  const chosen = parts.map((copies) => {
    const kept = bestCopy(copies, format);
    for (const set of copies) if (set !== kept) leave.leave(reasonBeside(set, kept), set.files);
    return kept;
  });
  const main = chosen.find((set) => set.isMain && set.folder === '');
  const exports = chosen.filter((set) => isExportOf(set, chosen));
  for (const set of exports) leave.leave('other format', set.files);
  const twins = chosen.filter((set) => main !== undefined && isTwin(set, main));
  for (const set of twins) leave.leave(set.format === main?.format ? 'other copy' : 'other format', set.files);
  const kept = chosen.filter((set) => !exports.includes(set) && !twins.includes(set));
  const broken = kept.find(({ missing }) => missing.length > 0);
  if (broken) throw missingShardsError(broken.missing, false);
  return kept;
}

function reasonOutside(set: WeightSet, format: WeightFormat): LeftOutReason {
  return set.format === format ? (copyFolderOf(set.files[0]?.path ?? '')?.reason ?? 'other copy') : 'other format';
}

function reasonBeside(set: WeightSet, kept: WeightSet): LeftOutReason {
  if (set.format !== kept.format) return 'other format';
  if (set.missing.length > 0) return 'incomplete copy';
  return set.variant === kept.variant ? 'other copy' : 'other precision';
}

const variantOrder = ['', 'bf16', 'bfloat16', 'fp16', 'f16', 'float16', 'half', 'emaonly', 'pruned-emaonly', 'fp32'];
const stemOrder = ['model', 'pytorch_model', 'diffusion_pytorch_model', 'open_clip_model', 'open_clip_pytorch_model'];

/** Libraries look for pickles under another first name than for safetensors. */
const pickleStemOrder = ['pytorch_model', ...stemOrder];

function rank(list: readonly string[], value: string): number {
  const at = list.indexOf(value);
  return at === -1 ? list.length : at;
}

/** Order: the chosen format, complete copies, usual names, no precision in the name, described by an index. */
function bestCopy(copies: readonly WeightSet[], format: WeightFormat): WeightSet {
  const formatRank = (set: WeightSet): number => (set.format === format ? -1 : partFormats.indexOf(set.format));
  const stems = format === 'pytorch' ? pickleStemOrder : stemOrder;
  const [first] = copies.toSorted(
    (a, b) =>
      formatRank(a) - formatRank(b) ||
      Number(a.missing.length > 0) - Number(b.missing.length > 0) ||
      rank(stems, a.stem) - rank(stems, b.stem) ||
      rank(variantOrder, a.variant) - rank(variantOrder, b.variant) ||
      Number(b.isIndexed) - Number(a.isIndexed) ||
      a.files.length - b.files.length,
  );
  if (!first) throw new Error('There is no copy to choose from');
  return first;
}

/** Names that trainers give to weights. Beside the main file, such a file is the same model. */
const genericNames =
  /^(?:ckpt|checkpoint|best|last|latest|final|weights|state_dict|(?:best|final|full|torch|ema)_model|model_(?:state|weights)|epoch=\d.*|step=\d.*)$/;
const partNames = /encoder|decoder|vae|vocoder|tokenizer|projector|codec|flow|linear|head|embed/;
const largeBytes = 50e6;

/** Whether a file beside the main one is the same model again. Its generic name or its size shows this. */
function isTwin(set: WeightSet, main: WeightSet): boolean {
  if (set === main || set.isMain || set.folder !== main.folder) return false;
  if (genericNames.test(set.stem)) return true;
  const share = set.bytes / main.bytes;
  return set.bytes > largeBytes && share > 0.45 && share < 2.2 && !partNames.test(set.stem);
}

/** ONNX pipelines split the `vae` folder in two. */
function isExportOf(set: WeightSet, chosen: readonly WeightSet[]): boolean {
  const whole = /^(.+)_(?:encoder|decoder)$/.exec(set.folder)?.[1];
  return set.format === 'onnx' && chosen.some((each) => each.folder === whole && each.format !== 'onnx');
}
