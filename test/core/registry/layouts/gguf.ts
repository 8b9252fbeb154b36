import { layout } from './layout.ts';

export const ggufLayouts = [
  layout(
    'Qwen/Qwen2.5-7B-Instruct-GGUF: many quantisations, some in shards',
    'gguf',
    `
    LICENSE 11k - documentation
    qwen2.5-7b-instruct-fp16-{00001..00004}-of-00004.gguf 3.9G - other quantisation
    qwen2.5-7b-instruct-q2_k.gguf 3G - other quantisation
    qwen2.5-7b-instruct-q4_0-{00001..00002}-of-00002.gguf 2.2G - other quantisation
    qwen2.5-7b-instruct-q4_k_m-{00001..00002}-of-00002.gguf 2.3G
    qwen2.5-7b-instruct-q8_0-{00001..00003}-of-00003.gguf 2.7G - other quantisation
    `,
    { entry: 'qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf' },
  ),
  layout(
    'unsloth: folders per quantisation, and nothing but its own kinds of 4 bits',
    'gguf',
    `
    BF16/DeepSeek-R1-BF16-{00001..00003}-of-00003.gguf 48G - other quantisation
    DeepSeek-R1-Q8_0/DeepSeek-R1-Q8_0-{00001..00002}-of-00002.gguf 48G - other quantisation
    UD-IQ1_S/DeepSeek-R1-UD-IQ1_S-{00001..00002}-of-00002.gguf 40G - other quantisation
    UD-Q4_K_XL/DeepSeek-R1-UD-Q4_K_XL-{00001..00003}-of-00003.gguf 40G
    config.json 1k
    `,
    { entry: 'UD-Q4_K_XL/DeepSeek-R1-UD-Q4_K_XL-00001-of-00003.gguf' },
  ),
  layout(
    'bartowski: an importance matrix, which is a GGUF too',
    'gguf',
    `
    Llama-3.2-1B-Instruct-IQ4_XS.gguf 743M - other quantisation
    Llama-3.2-1B-Instruct-Q4_0_4_8.gguf 770M - other quantisation
    Llama-3.2-1B-Instruct-Q4_K_L.gguf 871M - other quantisation
    Llama-3.2-1B-Instruct-Q4_K_M.gguf 807M
    Llama-3.2-1B-Instruct-f16.gguf 2.5G - other quantisation
    Llama-3.2-1B-Instruct-imatrix.gguf 1.5M - not a model
    Llama-3.2-1B-Instruct.imatrix 1.5M - not a model
    imatrix.dat 1.5M - not a model
    `,
    { entry: 'Llama-3.2-1B-Instruct-Q4_K_M.gguf' },
  ),
  layout(
    'the quantisation at the front, in the middle, in a folder, in capitals and not',
    'gguf',
    `
    F16/tiny-chat.gguf 2G - other quantisation
    Q8_0.tiny-chat.gguf 1G - other quantisation
    tiny-IQ4_xs-chat.gguf 500M
    tiny_chat_q5_k_m.gguf 700M - other quantisation
    `,
    { entry: 'tiny-IQ4_xs-chat.gguf' },
  ),
  layout(
    'a kind of 4 bits that nobody knows yet goes before 16 bits',
    'gguf',
    `
    m-BF16.gguf 2G - other quantisation
    m-F16.gguf 2G - other quantisation
    m-Q4_NEW.gguf 600M
    `,
    { entry: 'm-Q4_NEW.gguf' },
  ),
  layout(
    'openai gpt-oss: MXFP4 beside 16 bits',
    'gguf',
    `
    gpt-oss-20b-F16.gguf 13.8G - other quantisation
    gpt-oss-20b-mxfp4.gguf 12.1G
    `,
    { entry: 'gpt-oss-20b-mxfp4.gguf' },
  ),
  layout(
    'a quantisation that says that it was made with an importance matrix',
    'gguf',
    `
    m-Q4_K_M-imatrix.gguf 4G
    m-Q8_0.imatrix.gguf 5M - not a model
    m-f16.gguf 14G - other quantisation
    `,
    { entry: 'm-Q4_K_M-imatrix.gguf' },
  ),
  layout(
    'a merged file beside its shards',
    'gguf',
    `
    m-Q4_K_M-{00001..00002}-of-00002.gguf 2G - other copy
    m-Q4_K_M.gguf 4G
    `,
    { entry: 'm-Q4_K_M.gguf' },
  ),
  layout(
    'shards that miss one, beside a whole quantisation',
    'gguf',
    `
    m-Q4_K_M-00001-of-00002.gguf 2G - incomplete copy
    m-Q5_K_M.gguf 5G
    `,
    { entry: 'm-Q5_K_M.gguf' },
  ),
  layout(
    'ggml-org: a model that sees keeps one projector, in the precision that every engine reads',
    'gguf',
    `
    Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf 4.7G
    Qwen2.5-VL-7B-Instruct-f16.gguf 15G - other quantisation
    mmproj-Qwen2.5-VL-7B-Instruct-Q8_0.gguf 850M - other projector
    mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf 1.4G
    mmproj-Qwen2.5-VL-7B-Instruct-f32.gguf 2.7G - other projector
    `,
    { entry: 'Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf' },
  ),
  layout(
    'a projector of the same precision as the smallest file, and a draft model',
    'gguf',
    `
    draft-m-Q4_K_M.gguf 300M - side weights
    m-Q8_0.gguf 8G
    m-mmproj-BF16.gguf 900M
    `,
    { entry: 'm-Q8_0.gguf' },
  ),
  layout(
    'an adapter as a GGUF beside the model',
    'gguf',
    `
    m-Q8_0.gguf 8G
    m-lora-f16.gguf 80M - adapter
    `,
    { entry: 'm-Q8_0.gguf' },
  ),
  layout(
    'mradermacher: i1 before the quantisation',
    'gguf',
    `
    Model-8B.i1-IQ1_M.gguf 2G - other quantisation
    Model-8B.i1-Q4_K_S.gguf 4.5G
    Model-8B.i1-Q6_K.gguf 6.6G - other quantisation
    Model-8B.imatrix.dat 5M - not a model
    `,
    { entry: 'Model-8B.i1-Q4_K_S.gguf' },
  ),
  layout(
    'a speaking model keeps its vocoder',
    'gguf',
    `
    OuteTTS-0.2-500M-FP16.gguf 1G - other quantisation
    OuteTTS-0.2-500M-Q4_K_M.gguf 400M
    WavTokenizer-Large-75-F16.gguf 124M
    `,
    { entry: 'OuteTTS-0.2-500M-Q4_K_M.gguf' },
  ),
  layout(
    'a repo that holds the original too, where nothing else is usual',
    'safetensors',
    `
    config.json 1k
    gemma-2b.gguf 10G - other format
    model.safetensors 5G
    `,
  ),
];
