import type { JsonObject } from './config-text.ts';
import { languageModelOf } from './config-text.ts';
import { fieldsOf } from './fields.ts';
import type { Fields } from './fields.ts';

export interface Quantization {
  /** The library's name for it: fp8, awq, gptq, bitsandbytes, compressed-tensors, mxfp4 and so on. */
  method: string;
  /** Of one weight, without scales; absent if the config does not say. */
  bits?: number | undefined;
  /** Bytes of one cached value, if the model comes with scales for its cache. */
  cacheBytes?: number | undefined;
}

/** How the weights are quantised; undefined if they are not. */
export function quantizationOf(config: JsonObject): Quantization | undefined {
  const parts = [config, languageModelOf(config)].map((part) => fieldsOf(part));
  const found = parts
    .flatMap((fields) => [fields.nested('quantization_config'), fields.nested('compression_config')])
    .find((fields) => fields !== undefined);
  if (found === undefined) return undefined;
  const inner = found.nested('quantization') ?? found;
  const method = (wordOf(found, 'quant_method') ?? wordOf(inner, 'quant_algo') ?? 'unknown').toLowerCase();
  return {
    method: method.slice(0, 40).replace('compressed_tensors', 'compressed-tensors'),
    bits: bitsOf(found, inner, method),
    cacheBytes: cacheBytesOf(found, inner),
  };
}

const bitsOfMethod = new Map(
  Object.entries({ fp8: 8, fbgemm_fp8: 8, deepseek_v4_fp8: 8, mxfp4: 4, gpt_oss_mxfp4: 4, nvfp4: 4, modelopt_fp4: 4 }),
);

function bitsOf(found: Fields, inner: Fields, method: string): number | undefined {
  const written = found.count('bits', 'num_bits', 'weight_bits', 'w_bit');
  if (written !== undefined) return written;
  if (flagOf(found, 'load_in_4bit')) return 4;
  if (flagOf(found, 'load_in_8bit')) return 8;
  const groups = found.nested('config_groups');
  const group = groups?.names().map((name) => groups.nested(name)?.nested('weights')?.count('num_bits'));
  const algorithm = (wordOf(inner, 'quant_algo') ?? '').toLowerCase();
  return group?.find((bits) => bits !== undefined) ?? bitsOfMethod.get(method) ?? bitsOfAlgorithm(algorithm);
}

/** ModelOpt: FP8, NVFP4, W4A16_AWQ and so on. */
function bitsOfAlgorithm(algorithm: string): number | undefined {
  const found = /^w(\d+)a\d+|(?:fp|int)(\d+)/.exec(algorithm);
  const bits = found?.[1] ?? found?.[2];
  return bits === undefined ? undefined : Number(bits);
}

/** vLLM takes these for its default type of cache (vllm/utils/torch_utils.py). */
function cacheBytesOf(found: Fields, inner: Fields): number | undefined {
  const scheme = found.nested('kv_cache_scheme') ?? inner.nested('kv_cache_scheme');
  if (scheme) return scheme.count('num_bits') === 8 ? 1 : undefined;
  return wordOf(inner, 'kv_cache_quant_algo')?.toLowerCase() === 'fp8' ? 1 : undefined;
}

function wordOf(fields: Fields, name: string): string | undefined {
  return fields.isText(name) ? fields.word(name) : undefined;
}

function flagOf(fields: Fields, name: string): boolean {
  return fields.flag(name) === true;
}
