const programs =
  /^(?:original|metal|flax|jax|tf2?|tensorflow|rust|ggml|gguf|executorch|ct2|ctranslate2|tflite|(?:onnx|openvino|core_?ml|tensorrt|trt|mlx)(?:[-_].*)?)$/;
const precision =
  /^(?:fp32|fp16|bf16|float32|float16|bfloat16|fp8|nf4|fp4|u?int8|int4|q[2-8]|[248]bit|awq|gptq|bnb|quantized|dynamic)$/;

/** `4-bit`, `awq-int4`: every word of the name is about precision. */
function isPrecision(name: string): boolean {
  return name
    .replaceAll(/(\d)[-_]bit/g, '$1bit')
    .split(/[-_.]/)
    .every((word) => precision.test(word));
}

export interface CopyFolder {
  path: string;
  reason: 'other format' | 'other precision';
}

/** The folder with another copy of the whole model, for another program or in another precision. Its name shows this. */
export function copyFolderOf(path: string): CopyFolder | undefined {
  const segments = path.split('/').slice(0, -1);
  for (const [at, segment] of segments.entries()) {
    const name = segment.toLowerCase();
    const reason = programs.test(name) ? 'other format' : isPrecision(name) ? 'other precision' : undefined;
    if (reason) return { path: segments.slice(0, at + 1).join('/'), reason };
  }
  return undefined;
}
