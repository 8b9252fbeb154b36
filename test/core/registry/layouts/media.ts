import { layout } from './layout.ts';

const named = (...names: string[]) => ({ contents: { components: new Set(names) } });

export const mediaLayouts = [
  layout(
    'black-forest-labs/FLUX.1-dev: components, and the same model in one file',
    'safetensors',
    `
    ae.safetensors 335M - single-file checkpoint
    dev_grid.jpg 500k - documentation
    flux1-dev.safetensors 23.8G - single-file checkpoint
    model_index.json 536
    scheduler/scheduler_config.json 273
    text_encoder/config.json 613
    text_encoder/model.safetensors 246M
    text_encoder_2/config.json 782
    text_encoder_2/model-{00001..00002}-of-00002.safetensors 4.8G
    text_encoder_2/model.safetensors.index.json 19k
    tokenizer/merges.txt 525k
    tokenizer/vocab.json 1M
    tokenizer_2/spiece.model 792k
    transformer/config.json 378
    transformer/diffusion_pytorch_model-{00001..00003}-of-00003.safetensors 8G
    transformer/diffusion_pytorch_model.safetensors.index.json 121k
    vae/config.json 820
    vae/diffusion_pytorch_model.safetensors 168M
    `,
    named('scheduler', 'text_encoder', 'text_encoder_2', 'tokenizer', 'tokenizer_2', 'transformer', 'vae'),
  ),
  layout(
    'stabilityai/stable-diffusion-xl-base-1.0: fp16 twins, ONNX, flax, OpenVINO, a second VAE',
    'safetensors',
    `
    01.png 1M - documentation
    model_index.json 609
    sd_xl_base_1.0.safetensors 6.9G - single-file checkpoint
    sd_xl_offset_example-lora_1.0.safetensors 50M - adapter
    text_encoder/config.json 565
    text_encoder/flax_model.msgpack 492M - other format
    text_encoder/model.fp16.safetensors 246M - other precision
    text_encoder/model.onnx 492M - other format
    text_encoder/model.safetensors 492M
    text_encoder/openvino_model.bin 492M - other format
    text_encoder/openvino_model.xml 1M - other format
    tokenizer/merges.txt 525k
    unet/config.json 1.7k
    unet/diffusion_pytorch_model.fp16.safetensors 5.1G - other precision
    unet/diffusion_pytorch_model.safetensors 10.3G
    unet/model.onnx 7M - other format
    unet/model.onnx_data 10.3G - other format
    vae/config.json 642
    vae/diffusion_pytorch_model.fp16.safetensors 167M - other precision
    vae/diffusion_pytorch_model.safetensors 335M
    vae_1_0/config.json 607 - not a component
    vae_1_0/diffusion_pytorch_model.safetensors 335M - not a component
    vae_decoder/config.json 607 - not a component
    vae_decoder/model.onnx 198M - not a component
    `,
    named('text_encoder', 'tokenizer', 'unet', 'vae', 'scheduler'),
  ),
  layout(
    'the same without a look into the index: a component has a config',
    'safetensors',
    `
    model_index.json 609
    text_encoders/clip_g.safetensors 1.4G - not a component
    text_encoders/t5xxl_fp16.safetensors 9.8G - not a component
    text_encoder/config.json 565
    text_encoder/model.safetensors 492M
    sd3.5_large.safetensors 16G - single-file checkpoint
    transformer/config.json 600
    transformer/diffusion_pytorch_model.safetensors 16G
    vae_decoder/config.json 600
    vae_decoder/model.onnx 198M - other format
    vae/config.json 600
    vae/diffusion_pytorch_model.safetensors 335M
    `,
  ),
  layout(
    'stable-diffusion-v1-5: pickles beside safetensors, one module as a pickle alone, weights without EMA',
    'safetensors',
    `
    model_index.json 541
    safety_checker/config.json 4.7k
    safety_checker/pytorch_model.bin 1.2G
    text_encoder/config.json 617
    text_encoder/model.safetensors 492M
    text_encoder/pytorch_model.bin 492M - other format
    unet/config.json 743
    unet/diffusion_pytorch_model.bin 3.4G - other format
    unet/diffusion_pytorch_model.fp16.safetensors 1.7G - other precision
    unet/diffusion_pytorch_model.non_ema.safetensors 3.4G - other precision
    unet/diffusion_pytorch_model.safetensors 3.4G
    v1-5-pruned-emaonly.ckpt 4.3G - single-file checkpoint
    v1-5-pruned.safetensors 7.7G - single-file checkpoint
    v1-inference.yaml 1.9k
    vae/config.json 547
    vae/diffusion_pytorch_model.safetensors 335M
    `,
    named('safety_checker', 'text_encoder', 'unet', 'vae'),
  ),
  layout(
    'a pipeline of which only the fp16 variant is there, in shards with their own index',
    'safetensors',
    `
    model_index.json 541
    transformer/config.json 743
    transformer/diffusion_pytorch_model.fp16-{00001..00002}-of-00002.safetensors 5G
    transformer/diffusion_pytorch_model.fp32-{00001..00004}-of-00004.safetensors 5G - other precision
    transformer/diffusion_pytorch_model.safetensors.index.fp16.json 90k
    transformer/diffusion_pytorch_model.safetensors.index.fp32.json 90k - other copy
    vae/config.json 743
    vae/diffusion_pytorch_model.fp16.safetensors 160M
    `,
    named('transformer', 'vae'),
  ),
  layout(
    'openai/whisper-large-v3: every framework, and fp32 twins',
    'safetensors',
    `
    added_tokens.json 34k
    config.json 1.3k
    flax_model.msgpack 3.1G - other format
    generation_config.json 3.9k
    merges.txt 494k
    model.fp32-{00001..00002}-of-00002.safetensors 3.1G - other precision
    model.safetensors 3.1G
    model.safetensors.index.fp32.json 118k - other copy
    normalizer.json 52k
    preprocessor_config.json 340
    pytorch_model.bin 3.1G - other format
    pytorch_model.bin.index.fp32.json 118k - other copy
    pytorch_model.fp32-{00001..00002}-of-00002.bin 3.1G - other format
    tf_model.h5 3G - other format
    tokenizer.json 2.5M
    vocab.json 1M
    `,
  ),
  layout(
    'hexgrad/Kokoro-82M: voices',
    'pytorch',
    `
    SAMPLES.md 5k - documentation
    config.json 2.3k
    kokoro-v1_0.pth 327M
    voices/af_heart.pt 523k
    voices/bm_lewis.pt 523k
    `,
  ),
  layout(
    'a speaking model in safetensors with voices as pickles and a vocoder of its own',
    'safetensors',
    `
    config.json 2k
    model.safetensors 2G
    pytorch_model.bin 2G - other format
    encoder.onnx 30M
    model.onnx 2G - other format
    vocoder/config.json 1k
    vocoder/vocoder.pt 60M
    voices/anna.pt 500k
    voices/ben.wav 900k
    `,
  ),
  layout(
    'coqui/XTTS-v2: pickles by parts',
    'pytorch',
    `
    LICENSE.txt 4k - documentation
    config.json 4.4k
    dvae.pth 210M
    hash.md5 32
    mel_stats.pth 1k
    model.pth 1.8G
    samples/en_sample.wav 300k
    speakers_xtts.pth 7.7M
    vocab.json 361k
    `,
  ),
  layout(
    'FunAudioLLM/CosyVoice2-0.5B: the largest part decides the format, the others come in theirs',
    'pytorch',
    `
    CosyVoice-BlankEN/config.json 659
    CosyVoice-BlankEN/merges.txt 1.6M
    CosyVoice-BlankEN/model.safetensors 988M
    CosyVoice-BlankEN/vocab.json 2.7M
    campplus.onnx 28M
    cosyvoice2.yaml 7k
    flow.pt 450M
    hift.pt 83M
    llm.pt 2G
    speech_tokenizer_v2.onnx 496M
    `,
  ),
  layout(
    'nvidia/parakeet-tdt-0.6b-v2: an archive of NeMo',
    'pytorch',
    `
    README.md 20k - documentation
    parakeet-tdt-0.6b-v2.nemo 2.5G
    `,
  ),
  layout(
    'nvidia/parakeet-tdt-0.6b-v3: both',
    'safetensors',
    `
    config.json 2k
    model.safetensors 2.5G
    parakeet-tdt-0.6b-v3.nemo 2.5G - other format
    processor_config.json 400
    tokenizer.json 500k
    `,
  ),
  layout(
    'tencent/HunyuanVideo: parts in folders, with names that a trainer gave',
    'pytorch',
    `
    config.json 1k
    hunyuan-video-t2v-720p/transformers/mp_rank_00_model_states.pt 25G
    hunyuan-video-t2v-720p/vae/config.json 1k
    hunyuan-video-t2v-720p/vae/pytorch_model.pt 985M
    `,
  ),
  layout(
    'SWivid/F5-TTS: the number in the name is a step of the training',
    'safetensors',
    `
    F5TTS_Base/model_12000.safetensors 1.3G
    F5TTS_Base/model_12000.pt 1.3G - other format
    F5TTS_Base/vocab.txt 13k
    `,
  ),
  layout(
    'facebook/musicgen: the trainer’s state dict beside the model, and the codec’s',
    'safetensors',
    `
    compression_state_dict.bin 236M
    config.json 7k
    model-{00001..00002}-of-00002.safetensors 6G
    model.safetensors.index.json 90k
    spiece.model 792k
    state_dict.bin 6.5G - other format
    `,
  ),
  layout(
    'parler-tts/parler-tts-mini-v1',
    'safetensors',
    `
    config.json 7k
    generation_config.json 250
    model.safetensors 3.5G
    preprocessor_config.json 200
    spiece.model 792k
    tokenizer.json 2.4M
    `,
  ),
  layout(
    'sesame/csm-1b: the trainer’s checkpoint beside the shards',
    'safetensors',
    `
    ckpt.pt 6.2G - other format
    config.json 3k
    model-{00001..00002}-of-00002.safetensors 3.3G
    model.safetensors.index.json 60k
    prompts/conversational_a.wav 2.6M
    `,
  ),
  layout(
    'kyutai: a codec beside the model, in the same format',
    'safetensors',
    `
    config.json 1k
    model.safetensors 15G
    tokenizer-e351c8d8-checkpoint125.safetensors 385M
    tokenizer_spm_32k_3.model 553k
    `,
  ),
];
