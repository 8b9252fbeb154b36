/** A safetensors file without tensors: what a check of the first bytes takes for one. */
export function safetensorsBytes(rest = ''): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(2n);
  return Buffer.concat([length, Buffer.from(`{}${rest}`)]);
}

export function ggufBytes(rest = ''): Buffer {
  return Buffer.from(`GGUF${rest}`);
}
