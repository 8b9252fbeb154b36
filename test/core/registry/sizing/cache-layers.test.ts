import { describe, expect, test } from 'vitest';
import { cacheBytes } from '../../../../src/core/registry/sizing/cache-bytes.ts';
import { kindsOf, readCacheOf } from './read.ts';

const heads = { num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128 };
const plain = { ...heads, num_hidden_layers: 8, hidden_size: 4096 };
const latent = { kv_lora_rank: 512, qk_rope_head_dim: 64, qk_nope_head_dim: 128, v_head_dim: 128 };
const linear = {
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
  linear_key_head_dim: 128,
  linear_value_head_dim: 128,
  linear_conv_kernel_dim: 4,
};
const mamba2 = { mamba_n_heads: 48, mamba_d_head: 64, mamba_n_groups: 1, mamba_d_state: 128, mamba_d_conv: 4 };
const delta = 'state 8192+0x0*3 524288';

describe('the layers of', () => {
  const cases: [string, object, string][] = [
    ['a plain model', { model_type: 'llama', ...plain }, '8 full 8x128'],
    ['one that shares no heads', { model_type: 'llama', ...plain, num_key_value_heads: undefined }, '8 full 32x128'],
    ['one with null for what is usual', { model_type: 'llama', ...plain, num_key_value_heads: null }, '8 full 32x128'],
    ['one without a head size', { model_type: 'llama', ...plain, head_dim: null }, '8 full 8x128'],
    [
      'one that leaves everything to its family',
      { model_type: 'gemma3_text', num_hidden_layers: 6 },
      '5 sliding(4096) 4x256, 1 full 4x256',
    ],
    ['Qwen 2 with its window off', { model_type: 'qwen2', ...plain, sliding_window: 4096 }, '8 full 8x128'],
    [
      'Qwen 2 with its window on',
      { model_type: 'qwen2', ...plain, sliding_window: 4096, use_sliding_window: true, max_window_layers: 6 },
      '6 full 8x128, 2 sliding(4096) 8x128',
    ],
    ['Mistral by its default', { model_type: 'mistral', ...plain }, '8 sliding(4096) 8x128'],
    ['Mistral without a window', { model_type: 'mistral', ...plain, sliding_window: null }, '8 full 8x128'],
    [
      'Mistral with a window for each layer',
      { model_type: 'mistral', ...plain, sliding_window: [null, 32768, 32768, 32768] },
      '2 full 8x128, 6 sliding(32768) 8x128',
    ],
    ['Phi with a window of 0', { model_type: 'phi3', ...plain, sliding_window: 0 }, '8 full 8x128'],
    ['Gemma 2', { model_type: 'gemma2', ...plain, sliding_window: 4096 }, '4 sliding(4096) 8x128, 4 full 8x128'],
    [
      'Gemma 3 with its own pattern',
      { model_type: 'gemma3_text', ...plain, sliding_window: 512, sliding_window_pattern: 4 },
      '6 sliding(512) 8x128, 2 full 8x128',
    ],
    [
      'Gemma 3n, whose last layers read what earlier ones keep',
      { model_type: 'gemma3n_text', ...plain, num_hidden_layers: 10, num_kv_shared_layers: 5 },
      '4 sliding(512) 8x128, 1 full 8x128',
    ],
    [
      'Gemma 4, whose full layers have other heads',
      {
        model_type: 'gemma4_text',
        ...plain,
        attention_k_eq_v: true,
        num_global_key_value_heads: 2,
        global_head_dim: 512,
      },
      '6 sliding(512) 8x128, 2 full 2x512',
    ],
    ['Command R7B', { model_type: 'cohere2', ...plain, sliding_window: 4096 }, '6 sliding(4097) 8x128, 2 full 8x128'],
    ['OLMo 3', { model_type: 'olmo3', ...plain }, '6 sliding(4096) 8x128, 2 full 8x128'],
    [
      'EXAONE 4 with its pattern in letters',
      { model_type: 'exaone4', ...plain, sliding_window_pattern: 'LLLG' },
      '6 sliding(4096) 8x128, 2 full 8x128',
    ],
    ['EXAONE 4 without a window', { model_type: 'exaone4', ...plain, sliding_window: null }, '8 full 8x128'],
    ['gpt-oss by its default', { model_type: 'gpt_oss', num_hidden_layers: 4 }, '2 sliding(128) 8x64, 2 full 8x64'],
    ['Llama 4 by its default', { model_type: 'llama4_text', ...plain }, '6 chunked(8192) 8x128, 2 full 8x128'],
    [
      'Llama 4 with its positions written out',
      { model_type: 'llama4_text', ...plain, no_rope_layers: [1, 0, 1, 0, 1, 0, 1, 0], attention_chunk_size: 4096 },
      '4 chunked(4096) 8x128, 4 full 8x128',
    ],
    ['Llama 4 without chunks', { model_type: 'llama4_text', ...plain, attention_chunk_size: null }, '8 full 8x128'],
    ['DeepSeek V3', { model_type: 'deepseek_v3', ...plain, ...latent }, '8 latent 576'],
    ['DeepSeek V2 by its default', { model_type: 'deepseek_v2', ...plain }, '8 latent 576'],
    ['a small DeepSeek without latents', { model_type: 'deepseek_v2', ...plain, kv_lora_rank: null }, '8 full 8x128'],
    ['DeepSeek V3.2', { model_type: 'deepseek_v32', ...plain, ...latent }, '8 latent 576, 8 index 132'],
    [
      'GLM 5, where only some layers have an index',
      { model_type: 'glm_moe_dsa', ...plain, ...latent, index_topk_freq: 4, index_skip_topk_offset: 1 },
      '8 latent 576, 2 index 132',
    ],
    ['Kimi K2', { model_type: 'kimi_k2', ...plain, ...latent }, '8 latent 576'],
    [
      'Kimi Linear',
      {
        model_type: 'kimi_linear',
        ...plain,
        ...latent,
        linear_attn_config: { full_attn_layers: [4, 8], num_heads: 32, head_dim: 128, short_conv_kernel_size: 4 },
      },
      '6 state 12288+0x0*3 524288, 2 latent 576',
    ],
    ['GLM 4.7 Flash', { model_type: 'glm4_moe_lite', ...plain, ...latent }, '8 latent 576'],
    ['LongCat, with two attentions in a layer', { model_type: 'longcat_flash', num_layers: 14 }, '28 latent 576'],
    [
      'MiniCPM 3, which keeps whole heads',
      { model_type: 'minicpm3', ...plain, ...latent, num_key_value_heads: 32 },
      '8 full 32x192',
    ],
    [
      'Qwen 3 Next',
      { model_type: 'qwen3_next', ...plain, ...linear, full_attention_interval: 4 },
      `6 ${delta}, 2 full 8x128`,
    ],
    [
      'Qwen 3.5 in a config of several parts',
      {
        model_type: 'qwen3_5',
        text_config: { ...plain, ...linear, layer_types: ['linear_attention', 'full_attention'], num_hidden_layers: 2 },
        vision_config: { num_hidden_layers: 27 },
      },
      `1 ${delta}, 1 full 8x128`,
    ],
    [
      'Jamba by its default',
      { model_type: 'jamba', ...plain, mamba_d_state: 16, mamba_d_conv: 4, mamba_expand: 2 },
      '7 state 8192+0x0*3 131072, 1 full 8x128',
    ],
    [
      'Nemotron-H, whose pattern counts the layers',
      { model_type: 'nemotron_h', ...heads, hidden_size: 4096, hybrid_override_pattern: 'M-M*E' },
      '2 state 8192+8x128*3 1048576, 1 full 8x128',
    ],
    ['Falcon-H1', { model_type: 'falcon_h1', ...plain, ...mamba2 }, '8 full 8x128, 8 state 3072+1x128*3 393216'],
    [
      'Zamba 2',
      {
        model_type: 'zamba2',
        ...plain,
        n_mamba_heads: 8,
        mamba_headdim: 64,
        hybrid_layer_ids: [1, 5],
        attention_head_dim: 224,
        head_dim: undefined,
      },
      '8 state 512+1x64*3 32768, 2 full 8x224',
    ],
    [
      'Granite 4',
      {
        model_type: 'granitemoehybrid',
        ...plain,
        ...mamba2,
        layer_types: [...Array<string>(7).fill('mamba'), 'attention'],
      },
      '7 state 3072+1x128*3 393216, 1 full 8x128',
    ],
    [
      'Bamba with an automatic head size',
      {
        model_type: 'bamba',
        ...plain,
        ...mamba2,
        mamba_d_head: 'auto',
        mamba_n_heads: 128,
        mamba_expand: 2,
        attn_layer_indices: [3],
      },
      '7 state 8192+1x128*3 1048576, 1 full 8x128',
    ],
    [
      'LFM 2',
      { model_type: 'lfm2', ...plain, conv_L_cache: 3, full_attn_idxs: [2, 5] },
      '6 state 4096+0x0*2 0, 2 full 8x128',
    ],
    [
      'MiniMax-01',
      { model_type: 'minimax_text_01', ...plain, attn_type_list: [0, 0, 0, 0, 0, 0, 0, 1] },
      '7 state 0+0x0*0 524288, 1 full 8x128',
    ],
    ['MiniMax M2', { model_type: 'minimax_m2', ...plain, attn_type_list: Array<number>(8).fill(1) }, '8 full 8x128'],
    ['Mamba', { model_type: 'mamba', num_hidden_layers: 4, hidden_size: 768 }, '4 state 1536+0x0*3 24576'],
    [
      'MiMo V2, whose keys are longer than its values',
      {
        model_type: 'mimo_v2_flash',
        ...plain,
        head_dim: 192,
        v_head_dim: 128,
        swa_num_key_value_heads: 16,
        swa_head_dim: 192,
        swa_v_head_dim: 128,
        sliding_window: 128,
        attention_chunk_size: 128,
        hybrid_layer_pattern: [0, 1, 1, 1, 1, 1, 1, 1],
      },
      '1 full 8x192+128, 7 sliding(128) 16x192+128',
    ],
    ['StarCoder', { model_type: 'gpt_bigcode', n_layer: 40, n_head: 48, n_embd: 6144 }, '40 full 1x128'],
    [
      'StarCoder without shared heads',
      { model_type: 'gpt_bigcode', n_layer: 40, n_head: 48, n_embd: 6144, multi_query: false },
      '40 full 48x128',
    ],
    [
      'Falcon 7B',
      { model_type: 'falcon', num_hidden_layers: 32, num_attention_heads: 71, hidden_size: 4544 },
      '32 full 1x64',
    ],
    [
      'Falcon 40B under its old names',
      {
        model_type: 'RefinedWeb',
        n_layer: 60,
        n_head: 128,
        n_head_kv: 8,
        hidden_size: 8192,
        new_decoder_architecture: true,
        multi_query: true,
      },
      '60 full 8x64',
    ],
    ['GPT-2', { model_type: 'gpt2', n_layer: 48, n_head: 25, n_embd: 1600 }, '48 full 25x64'],
    [
      'ChatGLM',
      {
        model_type: 'chatglm',
        num_layers: 28,
        num_attention_heads: 32,
        kv_channels: 128,
        multi_query_attention: true,
        multi_query_group_num: 2,
      },
      '28 full 2x128',
    ],
    [
      'DBRX',
      { model_type: 'dbrx', n_layers: 40, n_heads: 48, d_model: 6144, attn_config: { kv_n_heads: 8 } },
      '40 full 8x128',
    ],
    [
      'Step 3',
      { model_type: 'step3_text', ...plain, num_key_value_heads: undefined, num_attention_groups: 1, head_dim: 256 },
      '8 full 1x256',
    ],
    [
      'a list of heads',
      { model_type: 'llama', ...plain, num_key_value_heads: [8, 8, 4, 4, 0, 2, 2, 2] },
      '2 full 8x128, 2 full 4x128, 3 full 2x128',
    ],
    [
      'Nemotron’s searched blocks',
      {
        model_type: 'nemotron-nas',
        ...plain,
        num_key_value_heads: null,
        block_configs: [
          { attention: { n_heads_in_group: 4, no_op: false } },
          { attention: { n_heads_in_group: null, no_op: true } },
          { attention: { n_heads_in_group: 8, no_op: false } },
        ],
      },
      '1 full 8x128, 1 full 4x128',
    ],
    ['BERT', { model_type: 'bert', num_hidden_layers: 12 }, ''],
    ['an encoder among the vision models', { model_type: 'clip', text_config: { num_hidden_layers: 12 } }, ''],
    ['a decoder that was made an encoder', { model_type: 'qwen2', ...plain, is_causal: false }, ''],
    ['Gemma as an encoder', { model_type: 'gemma3_text', ...plain, use_bidirectional_attention: true }, ''],
    [
      'Whisper',
      { model_type: 'whisper', decoder_layers: 4, num_hidden_layers: 32, d_model: 1280, decoder_attention_heads: 20 },
      '4 full 20x64, 4 cross 20x64',
    ],
    [
      'T5',
      { model_type: 't5', num_layers: 24, num_decoder_layers: 12, num_heads: 16, d_kv: 64 },
      '12 full 16x64, 12 cross 16x64',
    ],
    [
      'a language model under llm_config',
      { model_type: 'internvl_chat', llm_config: { model_type: 'qwen2', ...plain } },
      '8 full 8x128',
    ],
    [
      'a language model under language_config',
      { language_config: { model_type: 'deepseek_v2', ...plain, ...latent } },
      '8 latent 576',
    ],
    [
      'a language model two steps down',
      {
        model_type: 'qwen3_omni_moe',
        thinker_config: { text_config: { model_type: 'qwen3_moe', ...plain }, audio_config: {} },
      },
      '8 full 8x128',
    ],
    ['a config that names only its class', { architectures: ['Qwen3MoeForCausalLM'], ...plain }, '8 full 8x128'],
  ];

  test.each(cases)('%s', (_what, config, layers) => {
    expect(kindsOf(config)).toBe(layers);
  });

  test('an unknown family is assumed to be plain if its fields are the usual ones', () => {
    const cache = readCacheOf({ model_type: 'something_new', ...plain });
    expect(cache).toMatchObject({ basis: 'assumed', layers: [{ count: 8, layer: { kind: 'full', kvHeads: 8 } }] });
    expect(
      kindsOf({
        model_type: 'something_new',
        ...plain,
        layer_types: [...Array<string>(7).fill('sliding_attention'), 'full_attention'],
        sliding_window: 512,
      }),
    ).toBe('7 sliding(512) 8x128, 1 full 8x128');
  });
});

describe('a cache is unknown', () => {
  const cases: [string, object][] = [
    ['without any figures', {}],
    ['in an unknown family with figures missing', { model_type: 'something_new', num_hidden_layers: 8 }],
    ['in an unknown family with latents', { model_type: 'something_new', ...plain, kv_lora_rank: 512 }],
    ['in an unknown family with states', { model_type: 'something_new', ...plain, mamba_d_state: 16 }],
    ['in an unknown family with an encoder', { model_type: 'something_new', ...plain, is_encoder_decoder: true }],
    ['in a family that compresses its cache', { model_type: 'deepseek_v4', ...plain }],
    ['in a part of such a family', { model_type: 'kimi_k3', text_config: { model_type: 'kimi_linear', ...plain } }],
    [
      'with a kind of layer that is not known',
      { model_type: 'llama', ...plain, layer_types: Array<string>(8).fill('sparkling') },
    ],
    ['with fewer kinds than layers', { model_type: 'llama', ...plain, layer_types: ['full_attention'] }],
    ['with a letter that is not known', { model_type: 'nemotron_h', ...heads, hybrid_override_pattern: 'M-X' }],
    ['with states and no word on which layers have them', { model_type: 'zamba2', ...plain, n_mamba_heads: 8 }],
    [
      'with sliding layers and no window',
      { model_type: 'llama', ...plain, layer_types: Array<string>(8).fill('sliding_attention') },
    ],
    ['with too many layers', { model_type: 'llama', ...plain, num_hidden_layers: 100_000 }],
    ['with too many layers in a decoder', { model_type: 'whisper', decoder_layers: 1_000_000 }],
    ['with a searched block that says nothing', { model_type: 'nemotron-nas', ...plain, block_configs: [{}] }],
  ];

  test.each(cases)('%s', (_what, config) => {
    expect(kindsOf(config)).toBe('unknown');
  });

  const absurd = [-1, 0.5, 1e300, '32', true, {}, [[]], [-1], ['x'], Number.MAX_SAFE_INTEGER];
  const fields = ['num_hidden_layers', 'num_attention_heads', 'num_key_value_heads', 'head_dim', 'sliding_window'];
  test.each(fields.flatMap((field) => absurd.map((value) => [field, value] as const)))(
    'with %s of %j',
    (field, value) => {
      expect(kindsOf({ model_type: 'mistral', ...plain, [field]: value })).toBe('unknown');
    },
  );
});

test('MiMo V2 has the bytes that vLLM computes with blocks of 16 tokens, as its kernels have', () => {
  const cache = readCacheOf({
    model_type: 'mimo_v2_flash',
    num_hidden_layers: 48,
    num_attention_heads: 64,
    num_key_value_heads: 4,
    head_dim: 192,
    v_head_dim: 128,
    swa_num_key_value_heads: 8,
    swa_head_dim: 192,
    swa_v_head_dim: 128,
    sliding_window_size: 128,
    hybrid_layer_pattern: Array.from({ length: 48 }, (_, index) => (index % 6 === 0 ? 0 : 1)),
  });
  if (cache.basis === 'unknown') throw new Error(cache.why);
  expect(cacheBytes(cache, { contextLength: 8192 })).toEqual({ perRank: 1_848_770_560, total: 1_848_770_560 });
  expect(cacheBytes(cache, { contextLength: 131_072 }).total).toBe(4_391_567_360);
});
