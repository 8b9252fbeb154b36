import { describe, expect, test } from 'vitest';
import type { PullFile } from '../../../src/core/base/pull-file.ts';
import { EcolinkError } from '../../../src/core/base/errors.ts';
import { selectFiles } from '../../../src/core/registry/selection.ts';
import type { RepoContents } from '../../../src/core/registry/selection/contents.ts';

function repo(...paths: string[]): PullFile[] {
  return paths.map((path) => ({ path, size: 1000 }));
}

function refusal(files: PullFile[], include: string[] = [], contents: RepoContents = {}): EcolinkError {
  try {
    selectFiles(files, include, [], undefined, contents);
  } catch (thrown) {
    if (thrown instanceof EcolinkError) return thrown;
    throw thrown;
  }
  throw new Error('Nothing was refused');
}

describe('without weights', () => {
  test.each([
    [['README.md']],
    [['.gitattributes']],
    [['config.json', 'tokenizer.json', 'README.md']],
    [['config.json', 'tokenizer.bin', 'model.safetensors.index.json']],
    [['.cache/model.safetensors', '.git/objects/model.bin', 'model.safetensors.incomplete']],
    [['voices/anna.pt', 'config.json']],
    [['training_args.bin', 'optimizer.pt', 'config.json']],
    [[]],
  ])('%j is no model, and the refusal names what is there', (paths) => {
    const error = refusal(repo(...paths));
    expect(error).toMatchObject({ kind: 'refused', code: 'not_a_model' });
    expect(error.message).toContain(paths[0] ?? 'It is empty');
  });

  test('a file of no bytes is none', () => {
    const files = [
      { path: 'config.json', size: 2 },
      { path: 'model.safetensors', size: 0 },
    ];
    expect(refusal(files)).toMatchObject({ code: 'empty_weights' });
    expect(refusal(files, ['*'])).toMatchObject({ code: 'empty_weights' });
    expect(refusal([...files, { path: 'vae/model.safetensors', size: 9 }])).toMatchObject({ code: 'empty_weights' });
  });

  test('patterns that leave nothing to load say which field is to blame', () => {
    expect(() => selectFiles(repo('config.json', 'model.safetensors'), [], ['*.SAFETENSORS'])).toThrow(
      expect.objectContaining({ code: 'nothing_selected', field: 'exclude' }),
    );
  });

  test('a trainer’s checkpoints alone are pointed at', () => {
    const error = refusal(repo('checkpoint-500/model.safetensors', 'checkpoint-1000/model.safetensors', 'README.md'));
    expect(error).toMatchObject({
      code: 'only_checkpoints',
      validValues: ['checkpoint-500/**', 'checkpoint-1000/**'],
    });
    const chosen = selectFiles(repo('checkpoint-500/model.safetensors', 'README.md'), error.validValues ?? [], []);
    expect(chosen).toMatchObject({ format: 'safetensors', files: [{ path: 'checkpoint-500/model.safetensors' }] });
  });
});

describe('an adapter', () => {
  test.each([
    [['adapter_config.json', 'adapter_model.safetensors', 'README.md']],
    [['adapter_config.json', 'adapter_model.bin', 'config.json', 'tokenizer.json']],
    [['adapter_config.json', 'weights.safetensors']],
    [['pytorch_lora_weights.safetensors', 'README.md']],
    [['my-style-lora.safetensors']],
    [['checkpoint-100/adapter_model.safetensors', 'adapter_config.json', 'adapter_model.safetensors']],
    [['my-style-lora-f16.gguf']],
    [['learned_embeds.safetensors', 'README.md']],
    [['a/adapter_config.json', 'a/adapter_model.safetensors', 'b/adapter_config.json', 'b/adapter_model.bin']],
  ])('is refused by a code of its own: %j', (paths) => {
    const error = refusal(repo(...paths));
    expect(error).toMatchObject({ kind: 'refused', code: 'adapter_not_a_model' });
    expect(refusal(repo(...paths), ['*'])).toMatchObject({ code: 'adapter_not_a_model' });
  });

  test('is refused with its base where that is named', () => {
    const error = refusal(repo('adapter_config.json', 'adapter_model.safetensors'), [], { adapterBase: 'meta/llama' });
    expect(error.message).toContain('for meta/llama');
    expect(error.nextStep).toContain('Register meta/llama');
  });

  test('beside the weights that it is for does not keep them from being a model', () => {
    const files = repo('adapter_config.json', 'adapter_model.safetensors', 'config.json', 'model.safetensors');
    expect(selectFiles(files, [], []).files.map(({ path }) => path)).toEqual(['config.json', 'model.safetensors']);
    expect(selectFiles(repo('florabert.safetensors', 'explorer.safetensors'), [], []).files).toHaveLength(2);
  });
});

describe('shards', () => {
  test.each([
    [['model-00001-of-00003.safetensors', 'model-00003-of-00003.safetensors'], 'model-00002-of-00003.safetensors'],
    [['m-Q4_K_M-00002-of-00002.gguf'], 'm-Q4_K_M-00001-of-00002.gguf'],
    [['pytorch_model-00001-of-00002.bin'], 'pytorch_model-00002-of-00002.bin'],
    [['consolidated.00.pth', 'consolidated.02.pth'], 'consolidated.01.pth'],
    [['model-1-of-3.safetensors', 'model-3-of-3.safetensors'], 'model-2-of-3.safetensors'],
    [['unet/model-00000-of-00002.safetensors'], 'model-00001-of-00002.safetensors'],
  ])('%j: %s is missing', (paths, missing) => {
    const error = refusal(repo('config.json', ...paths));
    expect(error).toMatchObject({ kind: 'refused', code: 'missing_shards' });
    expect(error.message).toContain(missing);
    expect(refusal(repo('config.json', ...paths), ['*'])).toMatchObject({ code: 'missing_shards' });
  });

  test('that an index names and nobody uploaded are missing, whatever their names', () => {
    const indexes = new Map([['model.safetensors.index.json', ['a.safetensors', 'b.safetensors']]]);
    const error = refusal(repo('model.safetensors.index.json', 'a.safetensors'), [], { indexes });
    expect(error).toMatchObject({ code: 'missing_shards' });
    expect(error.message).toContain('b.safetensors');
  });

  test('that include leaves out are named as left out', () => {
    const files = repo('model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors');
    const error = refusal(files, ['*00001*']);
    expect(error).toMatchObject({ code: 'missing_shards', field: 'include' });
    expect(error.message).toContain('model-00002-of-00002.safetensors are left out');
  });

  test('of a million are not counted one by one', () => {
    const error = refusal(repo('model-000001-of-999999.safetensors'));
    expect(error.message).toContain('model-000002-of-999999.safetensors');
    expect(error.message.length).toBeLessThan(400);
  });
});

describe('two models in one repo', () => {
  test.each([
    [['small-Q4_K_M.gguf', 'small-Q8_0.gguf', 'large-Q4_K_M.gguf', 'config.json']],
    [['small/Q4_K_M.gguf', 'large/Q8_0.gguf']],
    [['small/model-Q4_K_M.gguf', 'large/model-Q4_K_M.gguf']],
    [['m-7b-q4_0-00001-of-00002.gguf', 'm-7b-q4_0-00002-of-00002.gguf', 'm-13b.Q5_K_M.gguf']],
    [['m [v1]-Q4_K_M.gguf', 'm {v2}-Q4_K_M.gguf']],
  ])('%j: it is asked which, and each answer works', (paths) => {
    const files = repo(...paths);
    const error = refusal(files);
    expect(error).toMatchObject({ kind: 'input', code: 'several_models', field: 'include' });
    expect(error.validValues).toHaveLength(2);
    const entries = (error.validValues ?? []).map((pattern) => {
      const selection = selectFiles(files, [pattern], []);
      expect(selection.format).toBe('gguf');
      return selection.entryFile;
    });
    expect(new Set(entries).size).toBe(2);
  });

  test('of other formats, in folders of which each has all that a model needs', () => {
    const model = (folder: string) =>
      ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => `${folder}/${name}`);
    const files = repo(...model('small'), ...model('large'), 'README.md');
    expect(refusal(files)).toMatchObject({ code: 'several_models', validValues: ['small/**', 'large/**'] });
    expect(selectFiles(files, ['small/**'], []).files).toHaveLength(3);
    expect(selectFiles(repo(...model('llm'), 'vae/config.json', 'vae/model.safetensors'), [], []).files).toHaveLength(
      5,
    );
  });

  test('that differ in their size, in a format without quantisations', () => {
    const sizes = repo('World-0.4B.pth', 'World-1.5B.pth', 'World-2.9B-00001-of-00001.pth', 'README.md');
    const error = refusal(sizes);
    expect(error).toMatchObject({ code: 'several_models', field: 'include' });
    expect(error.validValues).toHaveLength(3);
    for (const pattern of error.validValues ?? []) expect(selectFiles(sizes, [pattern], []).files).toHaveLength(1);
    expect(selectFiles(repo('llm.pt', 'flow.pt', 'hift-25m.pt'), [], []).files).toHaveLength(3);
  });

  test.each([
    [['m-Q4_K_M.gguf', 'm.Q8_0.gguf', 'M_f16.gguf', 'ggml-m-IQ4_NL.gguf', 'm-i1-Q5_K_S.gguf', 'm-UD-Q6_K_XL.gguf']],
    [['BF16/m-BF16-00001-of-00001.gguf', 'm-Q4_K_M.gguf', 'Q8_0/m-Q8_0.gguf']],
    [['m-Q4_K_M.gguf', 'old/m-Q4_K_M.gguf']],
    [['m-Q4_0_4_4.gguf', 'm-smol-IQ2_KS.gguf', 'm-TQ1_0.gguf', 'm-MXFP4_MOE.gguf', 'm-Q4_FOO.gguf', 'm.gguf']],
  ])('are not seen where there is one: %j', (paths) => {
    expect(selectFiles(repo(...paths), [], []).files).toHaveLength(1);
  });

  test('nothing but a projector or an importance matrix is no model', () => {
    expect(refusal(repo('mmproj-model-f16.gguf', 'imatrix.gguf'))).toMatchObject({ code: 'not_a_model' });
  });
});

describe('with include', () => {
  const both = repo('config.json', 'model.safetensors', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf', 'mmproj-f16.gguf');

  test('the format is the one that something here serves', () => {
    const served = (format: string) => format === 'gguf';
    expect(selectFiles(both, ['*'], [], served)).toMatchObject({ format: 'gguf', entryFile: 'm-Q4_K_M.gguf' });
    expect(selectFiles(both, ['*'], [])).toMatchObject({ format: 'safetensors' });
  });

  test('that names no weights, the repo’s weights are missed', () => {
    expect(refusal(both, ['config.json'])).toMatchObject({ code: 'nothing_selected', field: 'include' });
    expect(selectFiles([...both, ...repo('tf_model.h5')], ['*.h5'], [])).toMatchObject({ format: 'other' });
  });

  test('a projector that is left out is named', () => {
    expect(selectFiles(both, ['*q8_0.GGUF'], []).warnings.join()).toContain('mmproj-f16.gguf');
    expect(selectFiles(both, ['*q8_0.gguf', 'mmproj*'], [])).toMatchObject({ entryFile: 'm-Q8_0.gguf', warnings: [] });
  });

  test('patterns look away from case, and what they cannot say is refused by name', () => {
    expect(selectFiles(both, [], ['*Q4_k_M*', '*.SafeTensors'])).toMatchObject({ entryFile: 'm-Q8_0.gguf' });
    for (const [pattern, sign] of [
      ['*.{bin,pt}', '{'],
      ['+(a+)b', '+('],
      ['!*.gguf', '!'],
    ] as const) {
      expect(() => selectFiles(both, [pattern], [])).toThrow(
        expect.objectContaining({
          code: 'bad_pattern',
          field: 'include',
          message: expect.stringContaining(`"${sign}"`) as string,
        }),
      );
      expect(() => selectFiles(both, [], [pattern])).toThrow(expect.objectContaining({ field: 'exclude' }));
    }
  });
});

test('every file of any repo is either selected or left out, once', () => {
  const words = [
    'model',
    'unet',
    'fp16',
    'checkpoint-5',
    'onnx',
    '00001-of-00002',
    'Q4_K_M',
    'mmproj',
    'lora',
    'voices',
    'mtp',
    'vae',
  ];
  const extensions = ['safetensors', 'bin', 'gguf', 'onnx', 'pt', 'json', 'md', 'h5', 'txt', 'safetensors.index.json'];
  let state = 11;
  const random = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const pick = (from: readonly string[]): string => from[random(from.length)] ?? '';
  let chosen = 0;
  for (let round = 0; round < 2000; round += 1) {
    const paths = Array.from({ length: 1 + random(12) }, () => {
      const folder = random(3) === 0 ? `${pick(words)}/` : '';
      return `${folder}${pick(words)}${random(2) === 0 ? `.${pick(words)}` : ''}.${pick(extensions)}`;
    });
    const files = [...new Set(paths)].map((path) => ({ path, size: 1 + random(1e9) }));
    try {
      const { files: selected, leftOut } = selectFiles(files, [], []);
      const left = leftOut.reduce((sum, group) => sum + group.files, 0);
      const bytes =
        leftOut.reduce((sum, group) => sum + group.bytes, 0) + selected.reduce((sum, { size }) => sum + size, 0);
      expect([left + selected.length, bytes]).toEqual([files.length, files.reduce((sum, { size }) => sum + size, 0)]);
      chosen += 1;
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(EcolinkError);
    }
  }
  expect(chosen).toBeGreaterThan(500);
});
