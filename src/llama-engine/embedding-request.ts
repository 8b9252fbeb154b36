import { z } from 'zod';
import { badRequest, unsupported } from './api-error.ts';

export const embeddingRequest = z.object({
  model: z.string(),
  input: z.union([z.string(), z.array(z.unknown()).min(1).max(2048)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().nullish(),
});

export type EmbeddingRequest = z.output<typeof embeddingRequest>;

export function inputsOf({ input, dimensions }: EmbeddingRequest): string[] {
  if (typeof dimensions === 'number')
    throw unsupported('dimensions', 'This engine returns only vectors of full length.');
  return [input].flat().map((text) => {
    if (typeof text !== 'string') throw unsupported('input', 'This engine takes text as "input", not token numbers.');
    if (text === '') throw badRequest('invalid_value', '"input" must not contain an empty text.', 'input');
    return text;
  });
}

export function embeddingDocument(
  request: EmbeddingRequest,
  vectors: readonly Float32Array[],
  promptTokens: number,
): Record<string, unknown> {
  const encode = request.encoding_format === 'base64' ? base64 : (vector: Float32Array) => Array.from(vector);
  return {
    object: 'list',
    model: request.model,
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) })),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

/** Little-endian float32 on every machine. The OpenAI SDKs ask for this by default. */
function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.byteLength);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * vector.BYTES_PER_ELEMENT));
  return bytes.toString('base64');
}
