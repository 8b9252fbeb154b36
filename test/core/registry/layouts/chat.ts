import { layout } from './layout.ts';

const shards = (total: string, count: number, folder = ''): string[] =>
  Array.from({ length: count }, (_, at) => `${folder}model-${String(at + 1).padStart(5, '0')}-of-${total}.safetensors`);

export const chatLayouts = [
  layout(
    'meta-llama/Llama-3.1-8B-Instruct: shards, and the original beside them',
    'safetensors',
    `
    .gitattributes 1.5k - housekeeping
    LICENSE 7.6k - documentation
    README.md 40k - documentation
    USE_POLICY.md 4.7k - documentation
    config.json 855
    generation_config.json 184
    model-{00001..00004}-of-00004.safetensors 4G
    model.safetensors.index.json 24k
    original/consolidated.00.pth 16G - other format
    original/params.json 199 - other format
    original/tokenizer.model 2.2M - other format
    special_tokens_map.json 296
    tokenizer.json 9.1M
    tokenizer_config.json 55k
    `,
  ),
  layout(
    'mistralai/Mistral-7B-Instruct-v0.3: consolidated beside shards',
    'safetensors',
    `
    config.json 601
    consolidated.safetensors 14.5G - other copy
    model-{00001..00003}-of-00003.safetensors 4.9G
    model.safetensors.index.json 23k
    params.json 202
    tokenizer.json 1.9M
    tokenizer.model 587k
    tokenizer.model.v3 587k
    `,
    { contents: { indexes: new Map([['model.safetensors.index.json', shards('00003', 3)]]) } },
  ),
  layout(
    'mistralai/Mistral-Large: consolidated shards with an index beside shards with an index',
    'safetensors',
    `
    config.json 601
    consolidated-{00001..00002}-of-00002.safetensors 40G - other copy
    consolidated.safetensors.index.json 50k - other copy
    model-{00001..00004}-of-00004.safetensors 20G
    model.safetensors.index.json 90k
    params.json 202
    tekken.json 14M
    `,
  ),
  layout(
    'mistralai/Devstral-Small: nothing but the native format',
    'safetensors',
    `
    README.md 9k - documentation
    SYSTEM_PROMPT.txt 6k
    consolidated.safetensors 47G
    params.json 300
    tekken.json 14.8M
    `,
  ),
  layout(
    'a merged file beside shards, whose index decides',
    'safetensors',
    `
    config.json 1k
    model-{00001..00002}-of-00002.safetensors 3G
    model.safetensors 6G - other copy
    model.safetensors.index.json 20k
    `,
  ),
  layout(
    'a merged file beside shards without an index',
    'safetensors',
    `
    config.json 1k
    model-{00001..00002}-of-00002.safetensors 3G - other copy
    model.safetensors 6G
    `,
  ),
  layout(
    'an index of shards that are gone, beside the merged file',
    'safetensors',
    `
    config.json 1k
    model.safetensors 6G
    model.safetensors.index.json 20k - other copy
    `,
    { contents: { indexes: new Map([['model.safetensors.index.json', shards('00002', 2)]]) } },
  ),
  layout(
    'two sets of shards, of which the index names one',
    'safetensors',
    `
    config.json 1k
    model-{00001..00002}-of-00002.safetensors 3G - other copy
    model-{00001..00003}-of-00003.safetensors 2G
    model.safetensors.index.json 20k
    `,
    { contents: { indexes: new Map([['model.safetensors.index.json', shards('00003', 3)]]) } },
  ),
  layout(
    'an upload that broke off, beside a whole copy',
    'safetensors',
    `
    config.json 1k
    model-00001-of-00002.safetensors 3G - incomplete copy
    model.safetensors 6G
    `,
  ),
  layout(
    'deepseek-ai: shards by layer that only the index knows, and MTP in a folder and a file of its own',
    'safetensors',
    `
    config.json 1k
    configuration_deepseek.py 10k
    layers-{0..2}.safetensors 3G
    outside.safetensors 1G
    model.safetensors.index.json 8.9M
    modeling_deepseek.py 75k
    mtp/config.json 1k - side weights
    mtp/model.safetensors 2G - side weights
    mtp.safetensors 2G - side weights
    tokenizer.json 7M
    `,
    {
      contents: {
        indexes: new Map([
          [
            'model.safetensors.index.json',
            ['layers-0.safetensors', 'layers-1.safetensors', 'layers-2.safetensors', 'outside.safetensors'],
          ],
        ]),
      },
    },
  ),
  layout(
    'XiaomiMiMo: an MTP file that the index names is a part of the model',
    'safetensors',
    `
    config.json 1k
    model-{00001..00002}-of-00002.safetensors 3G
    model_mtp.safetensors 1G
    model.safetensors.index.json 30k
    `,
    {
      contents: {
        indexes: new Map([['model.safetensors.index.json', [...shards('00002', 2), 'model_mtp.safetensors']]]),
      },
    },
  ),
  layout(
    'a draft model and an EAGLE head beside the model',
    'safetensors',
    `
    config.json 1k
    draft/config.json 1k - side weights
    draft/model.safetensors 300M - side weights
    eagle3.safetensors 800M - side weights
    model.safetensors 6G
    `,
  ),
  layout(
    'MiniMax: shards that are counted from 0',
    'safetensors',
    `
    config.json 1k
    model-{00000..00003}-of-00004.safetensors 2G
    `,
  ),
  layout(
    'moonshotai: shards without leading zeros, code, a tokenizer of another kind',
    'safetensors',
    `
    chat_template.jinja 4k
    config.json 4k
    configuration_deepseek.py 10k
    model-{1..3}-of-3.safetensors 9G
    modeling_deepseek.py 75k
    tiktoken.model 2.8M
    tokenization_kimi.py 12k
    `,
  ),
  layout(
    'openai/gpt-oss-20b: three copies in three layouts',
    'safetensors',
    `
    chat_template.jinja 16k
    config.json 1.8k
    metal/model.bin 13.7G - other format
    model-{00000..00002}-of-00002.safetensors 4.6G
    model.safetensors.index.json 36k
    original/config.json 376 - other format
    original/dtypes.json 13k - other format
    original/model.safetensors 13.7G - other format
    tokenizer.json 27M
    `,
  ),
  layout(
    'what a trainer left behind',
    'safetensors',
    `
    checkpoint-1000/config.json 1k - training state
    checkpoint-1000/model.safetensors 2G - training state
    checkpoint-1000/optimizer.pt 4G - training state
    checkpoint-500/model.safetensors 2G - training state
    checkpoint-500/rng_state.pth 14k - training state
    config.json 1k
    global_step500/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt 9G - training state
    model.safetensors 2G
    optimizer.pt 4G - training state
    rng_state_0.pth 14k - training state
    runs/Jan01/events.out.tfevents.1700000000.host 5k - training state
    scheduler.pt 1k - training state
    trainer_state.json 60k - training state
    training_args.bin 5k - training state
    tokenizer.json 2M
    `,
  ),
  layout(
    'a precision in a folder of its own',
    'safetensors',
    `
    config.json 1k
    fp32/config.json 1k - other precision
    fp32/model.safetensors 4G - other precision
    gptq-4bit/model.safetensors 1G - other precision
    int4/model.safetensors 1G - other precision
    model.fp16.safetensors 1G - other precision
    model_quantized.safetensors 1G - other precision
    model.safetensors 2G
    `,
  ),
  layout(
    'a merged model that kept its adapter',
    'safetensors',
    `
    adapter_config.json 700 - adapter
    adapter_model.safetensors 80M - adapter
    config.json 1k
    model.safetensors 2G
    `,
  ),
  layout(
    'microsoft/Phi-4-multimodal: adapters in folders, which the model switches between',
    'safetensors',
    `
    config.json 4k
    model-{00001..00003}-of-00003.safetensors 4G
    model.safetensors.index.json 200k
    processing_phi4mm.py 32k
    speech-lora/adapter_config.json 1k
    speech-lora/adapter_model.safetensors 920M
    vision-lora/adapter_config.json 1k
    vision-lora/adapter_model.safetensors 738M
    `,
  ),
  layout(
    'pickles for a repo that has nothing else',
    'pytorch',
    `
    config.json 1k
    flax_model.msgpack 500M - other format
    pytorch_model-{00001..00002}-of-00002.bin 3G
    pytorch_model.bin.index.json 20k
    tf_model.h5 500M - other format
    `,
  ),
  layout(
    'sharded pickles whose index stays behind with them',
    'safetensors',
    `
    config.json 1k
    model-{00001..00002}-of-00002.safetensors 3G
    model.safetensors.index.json 20k
    pytorch_model-{00001..00002}-of-00002.bin 3G - other format
    pytorch_model.bin.index.json 20k - other copy
    `,
  ),
  layout(
    'names in capitals',
    'safetensors',
    `
    Config.json 1k
    MODEL.SAFETENSORS 2G
    PYTORCH_MODEL.BIN 2G - other format
    README.MD 1k - documentation
    `,
  ),
  layout(
    'folders that trainers name by words, and by words with numbers',
    'safetensors',
    `
    config.json 1k
    model.safetensors 5G
    tokenizer.json 2M
    checkpoint_epoch_3/config.json 1k - training state
    checkpoint_epoch_3/model.safetensors 5G - training state
    checkpoint_epoch_3/tokenizer.json 2M - training state
    checkpoint-best/model.safetensors 5G - training state
    checkpoint-final/model.safetensors 5G - training state
    last_ckpt/model.safetensors 5G - training state
    lightning_logs/version_0/checkpoints/epoch=1.ckpt 15G - training state
    `,
  ),
  layout(
    'checkpoints of Lightning beside the model',
    'safetensors',
    `
    config.json 1k
    epoch=3-step=1000.ckpt 15G - other format
    model.safetensors 5G
    `,
  ),
  layout(
    'side weights in folders with their configs, and a small assistant',
    'safetensors',
    `
    assistant/config.json 1k - side weights
    assistant/model.safetensors 300M - side weights
    config.json 1k
    eagle3/config.json 1k - side weights
    eagle3/model.safetensors 500M - side weights
    model.safetensors 5G
    mtp/config.json 1k - side weights
    mtp/model.safetensors 1G - side weights
    `,
  ),
  layout(
    'indexes and checksums of what stays behind',
    'safetensors',
    `
    config.json 1k
    flax_model-{00001..00002}-of-00002.msgpack 8G - other format
    flax_model.msgpack.index.json 20k - other format
    model.safetensors 15G
    model.safetensors.sha256 100 - housekeeping
    tf_model-{00001..00002}-of-00002.h5 8G - other format
    tf_model.h5.index.json 20k - other format
    `,
  ),
  layout(
    'two pickles, of which libraries look for one',
    'pytorch',
    `
    config.json 1k
    model.pt 5G - other copy
    pytorch_model.bin 5G
    `,
  ),
];
