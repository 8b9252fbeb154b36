const programs =
  /^(?:original|metal|flax|jax|tf2?|tensorflow|rust|ggml|gguf|executorch|ct2|ctranslate2|tflite|(?:onnx|openvino|core_?ml|tensorrt|trt|mlx)(?:[-_].*)?)$/;
const precisions =
  /^(?:fp32|fp16|bf16|float32|float16|bfloat16|fp8|nf4|fp4|u?int8|int4|q[2-8]|[248]-?bit|awq|gptq|quantized)$/;

export interface CopyFolder {
  path: string;
  reason: 'other format' | 'other precision';
}

/** The folder whose name says that it holds the whole model once more, for another program or in another precision. */
export function copyFolderOf(path: string): CopyFolder | undefined {
  const segments = path.split('/').slice(0, -1);
  for (const [at, segment] of segments.entries()) {
    const name = segment.toLowerCase();
    const reason = programs.test(name) ? 'other format' : precisions.test(name) ? 'other precision' : undefined;
    if (reason) return { path: segments.slice(0, at + 1).join('/'), reason };
  }
  return undefined;
}
