export const categories = ['chat', 'embedding', 'reranker', 'image', 'audio', 'video'] as const;
export type Category = (typeof categories)[number];

export const formats = ['safetensors', 'gguf', 'pytorch', 'onnx', 'other'] as const;
export type WeightFormat = (typeof formats)[number];
