import picomatch from 'picomatch';
import type { PullFile } from '../base/pull-file.ts';
import { fail } from '../base/errors.ts';
import type { WeightFormat } from '../base/categories.ts';

export interface Selection {
  format: WeightFormat;
  files: PullFile[];
  /** For GGUF: the file that an engine opens, the first shard where there are several. */
  entryFile?: string;
  warnings: string[];
}

const weightPatterns: [WeightFormat, RegExp][] = [
  ['safetensors', /\.safetensors$/],
  ['gguf', /\.gguf$/],
  ['pytorch', /\.(?:bin|pth|pt|ckpt)$/],
  ['onnx', /\.onnx$/],
];

/** Never needed to serve, whatever the format. */
const never = [
  '.gitattributes',
  '.gitignore',
  '**/.DS_Store',
  '*.md',
  '**/*.{png,jpg,jpeg,gif,svg,webp,mp4,pdf,ipynb}',
  'LICENSE*',
  '.eval_results/**',
];

const elsewhere = 'h5,msgpack,ot,onnx,tflite,mlmodel';
/** Other copies of the weights, beside those of a format. Not `consolidated*`: Mistral's own repos load from nothing else. */
const otherCopies: Partial<Record<WeightFormat, string[]>> = {
  safetensors: [`**/*.{bin,pth,pt,ckpt,gguf,${elsewhere}}`, '**/{original,onnx,openvino,coreml}/**'],
  gguf: [`**/*.{bin,pth,pt,ckpt,safetensors,${elsewhere}}`, '**/{original,onnx,openvino,coreml}/**'],
  pytorch: [`**/*.{safetensors,gguf,${elsewhere}}`, '**/{onnx,openvino,coreml}/**'],
};

export function formatsOf(files: readonly { path: string }[]): WeightFormat[] {
  return weightPatterns
    .filter(([, pattern]) => files.some((file) => pattern.test(file.path)))
    .map(([format]) => format);
}

export function isWeights(path: string): boolean {
  return weightPatterns.some(([, pattern]) => pattern.test(path));
}

/**
 * Which files of a repo a launch fetches. Without patterns EcoLink chooses: one format, the first that a runtime serves, and
 * of several quantisations the one that is small and good (`Q4_K_M`). `include` replaces that choice, `exclude` takes away
 * from it.
 */
export function selectFiles(
  all: readonly PullFile[],
  include: readonly string[],
  exclude: readonly string[],
  isServed: (format: WeightFormat) => boolean = () => true,
): Selection {
  const excluded = matcher(exclude);
  const { files: chosen, warnings } = include.length > 0 ? byPatterns(all, include) : byFormat(all, isServed);
  const files = chosen.filter((file) => !excluded(file.path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  if (files.length === 0) {
    throw fail('nothing_selected', 'The selection leaves no file to fetch.', {
      nextStep: 'Loosen include and exclude; check-model without them shows what the repo holds.',
      field: include.length > 0 ? 'include' : 'exclude',
    });
  }
  const format = formatsOf(files)[0] ?? 'other';
  if (format === 'other') warnings.push('No file looks like weights: no engine may be able to load this.');
  const entryFile =
    format === 'gguf'
      ? files.find((file) => file.path.endsWith('.gguf') && !/mmproj/i.test(file.path))?.path
      : undefined;
  return { format, files, warnings, ...(entryFile === undefined ? {} : { entryFile }) };
}

function matcher(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const matches = picomatch([...patterns], { dot: true });
  const basename = picomatch([...patterns], { dot: true, basename: true });
  // A pattern without a slash means the file's own name at any depth, as in .gitignore.
  return (path) => matches(path) || basename(path);
}

function byPatterns(all: readonly PullFile[], include: readonly string[]) {
  const included = matcher(include);
  return { files: all.filter((file) => included(file.path)), warnings: [] as string[] };
}

function byFormat(all: readonly PullFile[], isServed: (format: WeightFormat) => boolean) {
  const dropped = matcher(never);
  const useful = all.filter((file) => !dropped(file.path));
  const formats = formatsOf(useful);
  const format = formats.find(isServed) ?? formats[0];
  const beside = matcher((format && otherCopies[format]) ?? []);
  const files = useful.filter((file) => !beside(file.path));
  const warnings: string[] = [];
  if (format !== formats[0])
    warnings.push(
      `The repo holds ${formats.join(' and ')}; ${format} was chosen, since a runtime here serves it. Choose another with include.`,
    );
  if (format === 'pytorch') warnings.push('The weights are pickle files, which can run code when they are loaded.');
  return format === 'gguf' ? oneQuantisation(files, warnings) : { files, warnings };
}

const preferred = ['q4_k_m', 'q4_k_s', 'q5_k_m', 'q4_0', 'q8_0', 'q6_k', 'f16', 'bf16', 'f32'];

/** `model-q4_k_m-00001-of-00003.gguf` → `model-q4_k_m`: all shards of one quantisation share it. */
function groupOf(path: string): string {
  return path.replace(/(?:-\d{5}-of-\d{5})?\.gguf$/, '');
}

const mostNamed = 12;

function oneQuantisation(files: readonly PullFile[], warnings: string[]): { files: PullFile[]; warnings: string[] } {
  const gguf = files.filter((file) => file.path.endsWith('.gguf') && !/mmproj/i.test(file.path));
  const groups = [...new Set(gguf.map((file) => groupOf(file.path)))];
  const rank = (group: string): number => {
    const at = preferred.findIndex((name) => group.toLowerCase().replaceAll('-', '_').endsWith(name));
    return at === -1 ? preferred.length : at;
  };
  const chosen = groups.toSorted((a, b) => rank(a) - rank(b))[0] as string;
  const others = files.filter((file) => !file.path.endsWith('.gguf'));
  if (groups.length > 1) {
    const left = groups.filter((group) => group !== chosen);
    const more = left.length > mostNamed ? ` and ${left.length - mostNamed} more` : '';
    const named = `${left.slice(0, mostNamed).join(', ')}${more}`;
    warnings.push(
      `The repo holds ${groups.length} quantisations; ${chosen} was chosen. Choose another with include: ${named}.`,
    );
  }
  return { files: [...others, ...gguf.filter((file) => groupOf(file.path) === chosen)], warnings };
}
