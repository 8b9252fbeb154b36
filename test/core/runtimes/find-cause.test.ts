import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { findCause } from '../../../src/core/runtimes/find-cause.ts';

describe('logs of llama-server that really failed', () => {
  test.each([
    ['llama-cpp-bad-flag', 'engine_bad_flag', '--no-such-flag'],
    ['llama-cpp-damaged', 'engine_weights_damaged', 'invalid magic characters'],
    ['llama-cpp-missing', 'engine_weights_unreadable', 'missing.gguf'],
  ])('%s', async (name, code, line) => {
    const url = new URL(`../../fixtures/engine-logs/${name}.log`, import.meta.url);
    expect(findCause((await readFile(url, 'utf8')).split('\n'))).toMatchObject({
      code,
      line: expect.stringContaining(line) as string,
    });
  });
});

const worker = '\u001B[0;36m(EngineCore pid=71)\u001B[0;0m ERROR 12-01 06:55:04 [core.py:936] ';

describe('lines as engines write them', () => {
  test.each([
    [`${worker}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.`, 'engine_out_of_memory'],
    [`${worker}ValueError: No available memory for the cache blocks.`, 'engine_cache_too_small'],
    [`${worker}RuntimeError: Failed to infer device type`, 'engine_no_accelerator'],
    [`${worker}OSError: [Errno 98] Address already in use`, 'engine_port_taken'],
    ['vllm: error: unrecognized arguments: --nope', 'engine_bad_flag'],
    [`${worker}jinja2.exceptions.TemplateSyntaxError: unexpected end`, 'engine_bad_template'],
    [`${worker}safetensors_rust.SafetensorError: MetadataIncompleteBuffer`, 'engine_weights_damaged'],
    ["PermissionError: [Errno 13] Permission denied: '/model/config.json'", 'engine_weights_unreadable'],
    [`${worker}ERROR: WorkerProc died unexpectedly`, 'engine_worker_killed'],
    ["error while loading: unknown model architecture: 'nobody'", 'engine_unsupported_architecture'],
    ["OSError: Can't load tokenizer for '/model'.", 'engine_tokenizer_missing'],
    ['ValueError: Please pass the argument `trust_remote_code=True` to allow custom code.', 'engine_model_code'],
    ['Total number of attention heads (6) must be divisible by tensor parallel size (4).', 'engine_bad_split'],
    [
      'ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0.',
      'engine_unsupported_format',
    ],
  ])('%s', (line, code) => {
    expect(findCause([line, 'RuntimeError: Engine core initialization failed. See root cause above.'])?.code).toBe(
      code,
    );
  });

  test('come without colours, process and time', () => {
    expect(findCause([`${worker}MemoryError`])?.line).toBe('MemoryError');
  });

  test('name no cause if they are notes, warnings or settings', () => {
    const info =
      '(APIServer pid=1) INFO 12-01 06:55:04 [x.py:1] trust_remote_code=False, CUDA out of memory is avoided';
    const warning = 'WARNING 12-01 06:55:04 [x.py:1] Permission denied: no huge pages';
    expect(findCause([info, warning, 'RuntimeError: See root cause above.'])).toBeUndefined();
  });
});
