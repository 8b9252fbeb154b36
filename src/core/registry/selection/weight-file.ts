import type { PullFile } from '../../base/pull-file.ts';
import type { WeightFormat } from '../../base/categories.ts';

/** A file with weights, and what its name says. Names are compared in lower case. */
export interface WeightFile {
  file: PullFile;
  path: string;
  folder: string;
  format: WeightFormat;
  /** The name without extension, precision and shard number. All copies of one part have the same. */
  stem: string;
  /** `fp16`, `bf16`, `non_ema`; empty for the plain copy. */
  variant: string;
  shard?: { number: number; total: number | undefined } | undefined;
  /** The weights that a library looks for in a folder by their fixed name. */
  isMain: boolean;
}

const extensions: [WeightFormat, RegExp][] = [
  ['safetensors', /\.safetensors$/],
  ['gguf', /\.gguf$/],
  ['pytorch', /\.(?:bin|pth|pt|ckpt|pkl|pickle|joblib|nemo)$/],
  ['onnx', /\.onnx(?:_data(?:_\d+)?|\.data)?$/],
  [
    'other',
    /\.(?:h5|keras|msgpack|ot|tflite|mlmodel|pb|engine|plan|trt|pte|mnn|rten|litertlm|task|llamafile|pdparams|pdmodel)$|\.ckpt\.(?:index|meta|data-\d+-of-\d+)$|\.gguf[.-](?:part|split).*$|\.(?:h5|msgpack)\.index\.json$/,
  ],
];

/** Weights for other programs, with extensions that known formats use too. */
const foreign =
  /\.ml(?:package|modelc)\/|(?:^|\/)openvino[^/]*(?:\/.*)?\.(?:bin|xml)$|(?:^|\/)ggml-[^/]*\.bin$|(?:^|\/)(?:weights|model)[^/]*\.npz$/;
const noWeights = /^(?:tokenizer|vocab|spm|sentencepiece|merges)[^/]*\.(?:bin|pkl|pickle)$/;

/** The format that a path names. Undefined if it names no weights. */
export function weightFormat(path: string): WeightFormat | undefined {
  const lower = path.toLowerCase();
  if (noWeights.test(nameOf(lower))) return undefined;
  if (foreign.test(lower)) return 'other';
  return extensions.find(([, pattern]) => pattern.test(lower))?.[0];
}

const shardOf = /^(.*?)[-_.]*(\d{1,6})[-_]of[-_](\d{1,6})$/;
/** Shards without a total. `model_20000` is a step of the training. */
const unnumbered = /^(consolidated(?=\.\d\d$)|(?:pytorch_)?model(?=-0\d{4}$))[-.](\d{2,5})$/;
const precision =
  /^(.+?)[-_.](fp32|fp16|bf16|f32|f16|float32|float16|bfloat16|half|fp8(?:[-_](?:e4m3fn|e5m2|scaled))*|nf4|fp4|nvfp4|mxfp4|u?int8|int4|[48]-?bit|q4f16|q[48]|w[48]a\d{1,2}|bnb4|awq|gptq|quantized|non_ema|ema|emaonly|pruned)$/;
const mainStems = [
  'model',
  'pytorch_model',
  'diffusion_pytorch_model',
  'tf_model',
  'flax_model',
  'rust_model',
  'open_clip_model',
  'open_clip_pytorch_model',
  'consolidated',
] as const;
const mainWithVariant = new RegExp(`^(${mainStems.join('|')})\\.(.+)$`);
/** Names that Optimum gives its exports. A plain `encoder.onnx` is a part of some other model. */
const onnxMain = /^(model|(?:encoder|decoder)_model(?:_merged)?|decoder_with_past_model)(?:_(.+))?$/;

/** What a path says about weights. Undefined if it names none. */
export function parseWeight(file: PullFile): WeightFile | undefined {
  const format = weightFormat(file.path);
  if (format === undefined) return undefined;
  const lower = file.path.toLowerCase();
  const folder = lower.slice(0, Math.max(0, lower.lastIndexOf('/')));
  const pattern = extensions.find(([, each]) => each.test(lower))?.[1];
  const named = parseName(pattern ? nameOf(lower).replace(pattern, '') : nameOf(lower), format);
  return { file, path: file.path, folder, format, ...named };
}

/** What an index file describes, as the name of its set of weights: `model.safetensors.index.fp16.json`. */
export function parseIndexName(path: string): Pick<WeightFile, 'folder' | 'format' | 'stem' | 'variant'> | undefined {
  const found = /^(.+\.(?:safetensors|bin))\.index(?:\.([^/]*))?\.json$/i.exec(path);
  const weight = found ? parseWeight({ path: found[1] ?? '', size: 0 }) : undefined;
  if (!weight) return undefined;
  const { folder, format, stem, variant } = weight;
  return { folder, format, stem, variant: [variant, found?.[2]?.toLowerCase() ?? ''].filter(Boolean).join('-') };
}

type Named = Pick<WeightFile, 'stem' | 'variant' | 'shard' | 'isMain'>;

function parseName(name: string, format: WeightFormat): Named {
  let stem = name;
  let shard: WeightFile['shard'];
  const variants: string[] = [];
  // A shard number may come before or after the precision.
  for (let found = true; found;) {
    const numbered = shard === undefined ? (shardOf.exec(stem) ?? unnumbered.exec(stem)) : null;
    const precise = numbered ? null : (precision.exec(stem) ?? mainWithVariant.exec(stem));
    if (numbered) {
      stem = numbered[1] ?? '';
      shard = { number: Number(numbered[2]), total: numbered[3] === undefined ? undefined : Number(numbered[3]) };
    } else if (precise) {
      stem = precise[1] ?? stem;
      variants.unshift(precise[2] ?? '');
    }
    found = numbered !== null || precise !== null;
  }
  const onnx = format === 'onnx' ? onnxMain.exec(stem) : null;
  const plain = variants.filter((each) => !isExtension(each)).join('-');
  return {
    stem: onnx?.[1] ?? stem,
    variant: [onnx?.[2] ?? '', plain].filter(Boolean).join('-'),
    shard,
    isMain: onnx !== null || mainStems.some((each) => each === stem),
  };
}

/** `model.safetensors-00001-of-00002.safetensors`: the inner extension is no variant. */
function isExtension(text: string): boolean {
  return text === 'safetensors' || text === 'bin';
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folder of a path, without a slash at the end. Empty at the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
