import { ggufFile } from './gguf-writer.ts';
import type { GgufTensor, GgufValue } from './gguf-writer.ts';

export interface TinyGgufOptions {
  /** Another seed makes another model: other bytes, another sha256, other answers. */
  seed?: number;
  /** Default: 2 (about 470 KB). Each further layer adds 165 KB. */
  layers?: number;
}

const width = 64;
const heads = 4;
const hidden = 128;
const defaultLayers = 2;
const byteCount = 256;
/** Token types of llama.cpp (`llama_token_type`). */
const tokenType = { normal: 1, unknown: 2, control: 3, byte: 6 };
/** How this kind of tokenizer writes a space. Without this token a space would be three bytes, and be decoded as "▁". */
const space = '\u2581';

const chatTemplate =
  "{{ bos_token }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + eos_token }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";

/**
 * A language model with random weights that llama.cpp loads like any other GGUF file, for use without the Hub and for
 * tests. Its answers are random bytes, not always valid UTF-8. The same options make the same bytes on every machine.
 */
export function makeTinyGguf(options: TinyGgufOptions = {}): Buffer {
  const layers = options.layers ?? defaultLayers;
  return ggufFile(metadata(layers), tensors(layers, uniformNumbers(options.seed ?? 1)));
}

function metadata(layers: number): Record<string, GgufValue> {
  return {
    'general.architecture': { string: 'llama' },
    'general.name': { string: 'EcoLink tiny (random weights)' },
    'llama.context_length': { uint32: 4096 },
    'llama.embedding_length': { uint32: width },
    'llama.block_count': { uint32: layers },
    'llama.feed_forward_length': { uint32: hidden },
    'llama.attention.head_count': { uint32: heads },
    'llama.attention.head_count_kv': { uint32: heads },
    'llama.rope.dimension_count': { uint32: width / heads },
    'llama.attention.layer_norm_rms_epsilon': { float32: 1e-5 },
    'llama.vocab_size': { uint32: tokens().length },
    ...tokenizer(),
  };
}

function tokenizer(): Record<string, GgufValue> {
  const { normal, unknown, control, byte } = tokenType;
  return {
    'tokenizer.ggml.model': { string: 'llama' },
    'tokenizer.ggml.tokens': { strings: tokens() },
    'tokenizer.ggml.scores': { float32s: tokens().map(() => 0) },
    'tokenizer.ggml.token_type': {
      int32s: [unknown, control, control, ...Array<number>(byteCount).fill(byte), normal],
    },
    'tokenizer.ggml.unknown_token_id': { uint32: 0 },
    'tokenizer.ggml.bos_token_id': { uint32: 1 },
    'tokenizer.ggml.eos_token_id': { uint32: 2 },
    'tokenizer.ggml.add_bos_token': { bool: true },
    'tokenizer.ggml.add_space_prefix': { bool: false },
    'tokenizer.chat_template': { string: chatTemplate },
  };
}

function tokens(): string[] {
  const bytes = Array.from(
    { length: byteCount },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  return ['<unk>', '<s>', '</s>', ...bytes, space];
}

function tensors(layers: number, random: () => number): GgufTensor[] {
  const matrix = (name: string, columns: number, rows: number): GgufTensor => ({
    name,
    dimensions: [columns, rows],
    values: Float32Array.from({ length: columns * rows }, random),
  });
  const norm = (name: string): GgufTensor => ({ name, dimensions: [width], values: new Float32Array(width).fill(1) });
  const layer = (index: number): GgufTensor[] => [
    norm(`blk.${index}.attn_norm.weight`),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((part) => matrix(`blk.${index}.${part}.weight`, width, width)),
    norm(`blk.${index}.ffn_norm.weight`),
    matrix(`blk.${index}.ffn_gate.weight`, width, hidden),
    matrix(`blk.${index}.ffn_up.weight`, width, hidden),
    matrix(`blk.${index}.ffn_down.weight`, hidden, width),
  ];
  return [
    matrix('token_embd.weight', width, tokens().length),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    norm('output_norm.weight'),
    matrix('output.weight', width, tokens().length),
  ];
}

/** mulberry32, scaled to ±0.25. It uses only integer arithmetic, so the hash of the file is the same on every platform. */
function uniformNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 33 - 0.25;
  };
}
