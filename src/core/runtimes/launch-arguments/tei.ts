import { integer, none, oneOf, word } from './engine-list.ts';
import type { EngineList } from './engine-list.ts';

/**
 * Left out, and why: paths (--uds-path, --dense-path, --huggingface-hub-cache), addresses and listeners (--otlp-endpoint,
 * --prometheus-port, --cors-allow-origin), keys (--hf-token, --api-key), free text (--default-prompt), and --auto-truncate, whose
 * form differs between versions.
 */
export const teiList: EngineList = {
  source: 'huggingface.co/docs/text-embeddings-inference/cli_arguments',
  version: '1.9',
  arguments: [
    oneOf('--dtype', 'float16 float32 bfloat16'),
    oneOf('--pooling', 'cls mean splade last-token'),
    integer('--tokenization-workers', { minimum: 1, maximum: 1024 }),
    integer('--max-concurrent-requests', { minimum: 1 }),
    integer('--max-batch-tokens', { minimum: 1 }),
    integer('--max-batch-requests', { minimum: 1 }),
    integer('--max-client-batch-size', { minimum: 1 }),
    integer('--payload-limit', { minimum: 1 }),
    // A key of the model's own list of prompts.
    word('--default-prompt-name'),
    none('--json-output'),
    none('--disable-spans'),
  ],
};
