import { layout } from './layout.ts';

export const embeddingLayouts = [
  layout(
    'sentence-transformers/all-MiniLM-L6-v2: ONNX, OpenVINO, TensorFlow, rust',
    'safetensors',
    `
    1_Pooling/config.json 190
    config.json 612
    config_sentence_transformers.json 116
    data_config.json 39k
    model.safetensors 90M
    modules.json 349
    onnx/model.onnx 90M - other format
    onnx/model_O4.onnx 45M - other format
    onnx/model_qint8_avx512.onnx 23M - other format
    openvino/openvino_model.bin 90M - other format
    openvino/openvino_model.xml 211k - other format
    pytorch_model.bin 90M - other format
    rust_model.ot 90M - other format
    sentence_bert_config.json 53
    tf_model.h5 91M - other format
    train_script.py 13k
    vocab.txt 231k
    `,
  ),
  layout(
    'a dense layer that exists as a pickle alone, and one in both forms',
    'safetensors',
    `
    1_Pooling/config.json 190
    2_Dense/config.json 115
    2_Dense/pytorch_model.bin 3M
    3_Dense/config.json 115
    3_Dense/model.safetensors 3M
    3_Dense/pytorch_model.bin 3M - other format
    config.json 612
    model.safetensors 438M
    modules.json 461
    pytorch_model.bin 438M - other format
    `,
  ),
  layout(
    'BAAI/bge-m3: heads as pickles beside the main file',
    'pytorch',
    `
    .DS_Store 6k - housekeeping
    1_Pooling/config.json 191
    colbert_linear.pt 2.1M
    config.json 687
    imgs/bm25.jpg 132k - documentation
    long.jpg 485k - documentation
    onnx/model.onnx 725k - other format
    onnx/model.onnx_data 2.3G - other format
    onnx/tokenizer.json 17M - other format
    pytorch_model.bin 2.3G
    sentencepiece.bpe.model 5M
    sparse_linear.pt 3.5k
    tokenizer.json 17M
    `,
  ),
  layout(
    'a bge-m3 with safetensors: the heads still come',
    'safetensors',
    `
    colbert_linear.pt 2.1M
    config.json 687
    model.safetensors 2.3G
    pytorch_model.bin 2.3G - other format
    sentencepiece.bpe.model 5M
    sparse_linear.pt 3.5k
    `,
  ),
  layout(
    'laion/CLIP-ViT-H-14: two libraries, two formats',
    'safetensors',
    `
    config.json 4.8k
    merges.txt 525k
    model.safetensors 3.9G
    open_clip_config.json 600
    open_clip_model.safetensors 3.9G - other copy
    open_clip_pytorch_model.bin 3.9G - other format
    preprocessor_config.json 316
    pytorch_model.bin 3.9G - other format
    vocab.json 862k
    `,
  ),
  layout(
    'timm/resnet50',
    'safetensors',
    `
    config.json 600
    model.safetensors 102M
    pytorch_model.bin 102M - other format
    `,
  ),
  layout(
    'Xenova: nothing but ONNX, in many precisions',
    'onnx',
    `
    config.json 600
    onnx/model.onnx 90M
    onnx/model.onnx_data 900M
    onnx/model_fp16.onnx 45M - other precision
    onnx/model_q4.onnx 30M - other precision
    onnx/model_quantized.onnx 23M - other precision
    tokenizer.json 700k
    `,
  ),
];
