import type { PullFile } from '../../base/pull-file.ts';

export type GgufRole = 'model' | 'projector' | 'side weights' | 'adapter' | 'imatrix' | 'part';

/** A GGUF file, and what its path says. The quantisation may be anywhere in the path, in upper or lower case. */
export interface GgufFile {
  file: PullFile;
  path: string;
  /** The path without shard number and extension. All shards of one file have the same. */
  group: string;
  shard?: { number: number; total: number };
  role: GgufRole;
  /** `q4_k_m`, `iq4_xs`, `bf16`; empty if the path names none. */
  quantisation: string;
  /** The file's name without quantisation and filler words. All quantisations of one model have the same. */
  model: string;
  /** The names of its folders, shortened in the same way. */
  folderModel: string;
}

const quantisation =
  /(?<=^|_)(?:i?q[1-8](?:k[sml]?)?(?:_(?:k|0|1|xxs|xs|s|m|l|xl|xxl|nl|ks|kt|kss|kl|4|8|r4|r8))*|tq[12]_0|i[12]_s|mxfp\d(?:_moe)?|nvfp4|fp[48]|nf4|w[48]a\d{1,2}|(?:bf|fp?|float|bfloat)(?:16|32)|int[48]|[48]_?bit|16_?bit)(?=_|$)/g;
/** Words that say how a file was made or packed, not which model it is. */
const filler =
  /(?<=^|_)(?:gguf|ggml|i1|imat|imatrix|ud|smol|pure|quants?|models?|weights|mix|dynamic|static|default|split|merged|single|shards|parts|\d+_\d+bpw|bpw)(?=_|$)/g;

/** `Q4_NEW` may be a kind that is newer than this list. `Q4_it` is not. */
const unknownKind =
  /(?<=^|[-.\s])((?:ud_)?i?q[1-8](?:_[k01])?)(?:_(?!(?:it|chat|base|instruct|v\d+|\d+b|k|0|1|xxs|xs|s|m|l|xl|xxl|nl|4|8)(?:_|$|[-.\s]))[a-z0-9]{1,5}){1,2}(?=$|[-.\s])/i;

const roles: [GgufRole, RegExp][] = [
  [
    'projector',
    /mmproj|(?:^|[/_])(?:clip_)?(?:vision|image|visual)_(?:encoder|projector|tower|adapter)|(?:^|\/)vision\//,
  ],
  ['side weights', /(?:^|[/_])(?:draft|drafter|eagle\d?|mtp|medusa|nextn|dflash|speculator)(?:[/_]|$)/],
  [
    'part',
    /(?:^|[/_])(?:vocoder|wavtokenizer|snac|codec|mimi|token2wav|vae|u?m?t5(?:xxl)?|clip(?:_[lg])?|(?:text|audio)_encoder|tokenizer|encoder|decoder)(?:[/_]|$)/,
  ],
];

/** The name of a model may mention the matrix that it was quantised with. A matrix itself comes from a model of 8 or more bits. */
const quantisedWith = /^(?:i?q[1-6]|tq)/;

/** Adapters are small and not quantised further. A model that an adapter was merged into is a model. */
const adapter = /(?:^|[/_])(?:q?lora|adapters?)(?:[/_]|$)/;
const adapterQuantisations = new Set(['', 'f16', 'fp16', 'f32', 'fp32', 'bf16', 'q8_0']);

export function parseGguf(file: PullFile): GgufFile {
  const group = file.path.replace(/\.gguf$/i, '').replace(/[-_.]\d{1,6}[-_]of[-_]\d{1,6}$/i, '');
  const numbers = /(\d{1,6})[-_]of[-_](\d{1,6})\.gguf$/i.exec(file.path);
  const segments = group.split('/').map((segment) => normalise(segment.replace(unknownKind, '$1')));
  const found = segments.map((segment) => (segment.match(quantisation) ?? []).at(-1)).findLast(Boolean) ?? '';
  const named = found.replace(/^(i?q\d)k([sml])$/, '$1_k_$2');
  const bare = segments.map((segment) =>
    segment.replaceAll(quantisation, '').replaceAll(filler, '').replaceAll(/_+/g, '_').replaceAll(/^_|_$/g, ''),
  );
  return {
    file,
    path: file.path,
    group,
    shard: numbers ? { number: Number(numbers[1]), total: Number(numbers[2]) } : undefined,
    role: roleOf(segments.join('/'), named),
    quantisation: named,
    model: bare.at(-1) ?? '',
    folderModel: bare.slice(0, -1).filter(Boolean).join('/'),
  };
}

function normalise(text: string): string {
  return text.toLowerCase().replaceAll(/[-.\s_]+/g, '_');
}

function roleOf(path: string, named: string): GgufRole {
  const found = roles.find(([, pattern]) => pattern.test(path))?.[0];
  if (found === 'projector') return found;
  if (/(?:^|\/)imatrix/.test(path) || (path.includes('imatrix') && !quantisedWith.test(named))) return 'imatrix';
  if (adapter.test(path) && adapterQuantisations.has(named) && !path.includes('merged')) return 'adapter';
  return found ?? 'model';
}

/** The best default first: 4 bits are small and good. Unquantised weights come last. */
const order = [
  /^q4_k_m$/,
  /^q4_k_xl$/,
  /^q4_k_l$/,
  /^q4_k$/,
  /^q4_k_s$/,
  /^iq4_xs$/,
  /^iq4_nl$/,
  /^mxfp4/,
  /^nvfp4/,
  /^q4_0$/,
  /^(?:i?q4|int4|4_?bit|nf4|fp4|w4)/,
  /^q5_k_m$/,
  /^i?q5/,
  /^(?:i?q6|mxfp6)/,
  /^(?:i?q8|int8|8_?bit|fp8|mxfp8|w8)/,
  /^i?q7/,
  /^q3_k_[ml]/,
  /^i?q3/,
  /^$/,
  /^(?:i?q2|tq2|i2)/,
  /^(?:i?q1|tq1|i1)/,
  /^(?:f|fp|float)16$|^16_?bit$/,
  /^bf/,
];

/** Smaller is better. */
export function quantisationRank(name: string): number {
  const at = order.findIndex((pattern) => pattern.test(name));
  return at === -1 ? order.length : at;
}

/** A projector is small, so its precision matters more than its size. Every engine reads f16. */
const projectorOrder = [/^(?:f|fp)16$/, /^bf16$/, /^q8/, /^(?:f|fp)32$/, /^$/];

export function projectorRank(name: string): number {
  const at = projectorOrder.findIndex((pattern) => pattern.test(name));
  return at === -1 ? projectorOrder.length : at;
}
