import { describe, expect, test } from 'vitest';
import type { PullFile } from '../../../src/core/base/pull-file.ts';
import { selectFiles } from '../../../src/core/registry/selection.ts';

function repo(...paths: string[]): PullFile[] {
  return paths.map((path) => ({ path, size: 1 }));
}

function chosen(paths: string[], include: string[] = [], exclude: string[] = []): string[] {
  return selectFiles(repo(...paths), include, exclude).files.map((file) => file.path);
}

describe('with safetensors in the repo', () => {
  test('other copies of the weights stay behind, with their folders', () => {
    const kept = ['config.json', 'model.safetensors', 'tokenizer.json'];
    const left = [
      'pytorch_model.bin',
      'model.ckpt',
      'tf_model.h5',
      'flax_model.msgpack',
      'rust_model.ot',
      'model.gguf',
      'onnx/model.onnx',
      'onnx/config.json',
      'openvino/openvino_model.xml',
      'coreml/model.mlmodel',
      'original/consolidated.00.pth',
      'original/params.json',
    ];
    expect(chosen([...left, ...kept])).toEqual(kept);
  });

  test('what Mistral’s own format loads from is kept', () => {
    const mistral = ['consolidated.safetensors', 'params.json', 'tekken.json'];
    expect(chosen(mistral)).toEqual(mistral);
  });

  test('subfolders are kept as they are: diffusers and sentence-transformers depend on them', () => {
    const tree = [
      '1_Pooling/config.json',
      'model_index.json',
      'modules.json',
      'text_encoder/model.safetensors',
      'unet/diffusion_pytorch_model.safetensors',
      'vae/config.json',
    ];
    expect(chosen([...tree, 'unet/diffusion_pytorch_model.bin'])).toEqual(tree);
  });

  test('pickles that no engine loads stay behind', () => {
    const kept = ['config.json', 'model.safetensors', 'tokenizer.json', 'voices/anna.pt'];
    const left = ['scaler.pkl', 'stats.joblib', 'model.nemo', 'tokenizer.pkl', 'data/rows.pickle', 'optimizer.pt'];
    expect(chosen([...left, ...kept])).toEqual(kept);
    expect(chosen(['config.json', 'pytorch_model.bin', ...left])).toEqual(['config.json', 'pytorch_model.bin']);
    expect(chosen(['m-Q4_K_M.gguf', 'vocab.bin', ...left])).toEqual(['m-Q4_K_M.gguf']);
    expect(chosen(['model.pkl', 'config.json'])).toEqual(['config.json', 'model.pkl']);
  });

  test('pages, pictures and licences are not fetched', () => {
    const paths = ['README.md', 'LICENSE', 'LICENSE.txt', 'docs/plot.png', '.gitattributes', 'a/.DS_Store'];
    expect(chosen([...paths, 'model.safetensors'])).toEqual(['model.safetensors']);
  });
});

describe('of several formats', () => {
  const both = ['config.json', 'model.safetensors', 'm-Q4_K_M.gguf', 'tf_model.h5'];
  const select = (...served: string[]) => selectFiles(repo(...both), [], [], (format) => served.includes(format));

  test('the first that a runtime serves is chosen, and said where it is not the usual one', () => {
    expect(select('safetensors', 'gguf')).toMatchObject({ format: 'safetensors', warnings: [] });
    const gguf = select('gguf');
    expect(gguf.files.map(({ path }) => path)).toEqual(['config.json', 'm-Q4_K_M.gguf']);
    expect(gguf.warnings).toEqual([expect.stringContaining('gguf was chosen, since a runtime here serves it')]);
  });

  test('the usual one is chosen where no runtime serves any', () => {
    expect(select()).toMatchObject({ format: 'safetensors', warnings: [] });
  });

  test('copies for other frameworks stay behind beside pickles too', () => {
    expect(chosen(['pytorch_model.bin', 'tf_model.h5', 'flax_model.msgpack', 'onnx/m.onnx'])).toEqual([
      'pytorch_model.bin',
    ]);
  });
});

describe('of several GGUF files', () => {
  const quantisations = ['m-F16.gguf', 'm-Q2_K.gguf', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf', 'm-bf16.gguf'];

  test('one quantisation is chosen, and the choice is said', () => {
    const selection = selectFiles(repo(...quantisations, 'config.json', 'README.md'), [], []);
    expect(selection.files.map((file) => file.path)).toEqual(['config.json', 'm-Q4_K_M.gguf']);
    expect(selection).toMatchObject({ format: 'gguf', entryFile: 'm-Q4_K_M.gguf' });
    expect(selection.warnings.join()).toContain('5 quantisations; m-Q4_K_M was chosen');
  });

  test('the next best is chosen where the best is not there, and any where none is known', () => {
    expect(chosen(['m.f16.gguf', 'm.q8_0.gguf'])).toEqual(['m.q8_0.gguf']);
    expect(chosen(['m-IQ1_S.gguf', 'm-TQ1_0.gguf'])).toHaveLength(1);
  });

  test('all shards of the chosen one come, and the first is what an engine opens', () => {
    const shards = [1, 2, 3].map((part) => `Q4_K_M/m-Q4_K_M-0000${part}-of-00003.gguf`);
    const selection = selectFiles(
      repo(...shards, 'Q8_0/m-Q8_0-00001-of-00002.gguf', 'Q8_0/m-Q8_0-00002-of-00002.gguf'),
      [],
      [],
    );
    expect(selection.files.map((file) => file.path)).toEqual(shards);
    expect(selection.entryFile).toBe(shards[0]);
  });

  test('a projector for pictures is not taken for the model', () => {
    expect(selectFiles(repo('mmproj-m-f16.gguf', 'm-Q8_0.gguf'), [], [])).toMatchObject({ entryFile: 'm-Q8_0.gguf' });
    const both = selectFiles(repo('a-mmproj-f16.gguf', 'm-Q8_0.gguf'), ['*.gguf'], []);
    expect(both).toMatchObject({ entryFile: 'm-Q8_0.gguf', files: [{ path: 'a-mmproj-f16.gguf' }, {}] });
  });
});

describe('patterns', () => {
  const paths = ['config.json', 'model.bin', 'model.safetensors', 'original/model.pth', 'README.md'];

  test('of include replace the choice', () => {
    expect(chosen(paths, ['*.bin', 'config.json'])).toEqual(['config.json', 'model.bin']);
    expect(chosen(paths, ['README.md', '*.safetensors'])).toEqual(['README.md', 'model.safetensors']);
  });

  test('of exclude take away from it', () => {
    expect(chosen(paths, [], ['*.json'])).toEqual(['model.safetensors']);
    expect(chosen(paths, ['*'], ['original/**', '*.md'])).toEqual(['config.json', 'model.bin', 'model.safetensors']);
  });

  test('without a slash mean the file’s own name at any depth', () => {
    expect(chosen(paths, ['*.pth'])).toEqual(['original/model.pth']);
  });

  test('that leave nothing are refused by the field that is to blame', () => {
    expect(() => chosen(paths, ['*.gguf'])).toThrow(
      expect.objectContaining({ code: 'nothing_selected', field: 'include' }),
    );
    expect(() => chosen(paths, [], ['**'])).toThrow(
      expect.objectContaining({ code: 'nothing_selected', field: 'exclude' }),
    );
  });
});

describe('other formats', () => {
  test('pickled weights come with a warning', () => {
    const selection = selectFiles(repo('config.json', 'pytorch_model.bin'), [], []);
    expect(selection.format).toBe('pytorch');
    expect(selection.warnings.join()).toContain('can run code');
  });

  test('weights of programs that have no format here come with a warning', () => {
    const selection = selectFiles(repo('config.json', 'model.tflite', 'README.md'), [], []);
    expect(selection).toMatchObject({ format: 'other', files: [{ path: 'config.json' }, { path: 'model.tflite' }] });
    expect(selection.warnings.join()).toContain('No file looks like weights');
  });
});
