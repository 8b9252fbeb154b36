import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { safetensorsBytes } from './weight-bytes.ts';

/** A folder that serves as the shared filesystem `nfs`, with a model in `tiny`. */
export interface ModelFolder extends AsyncDisposable {
  path: string;
  /** For `ecolink.yaml`: the filesystem, and a runtime that takes its model and never gets ready. */
  config: string;
  write(file: string, content: string | Buffer): Promise<void>;
}

export async function modelFolder(): Promise<ModelFolder> {
  const path = await mkdtemp(join(tmpdir(), 'ecolink-nfs-'));
  const write = async (file: string, content: string | Buffer): Promise<void> => {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), content);
  };
  await write('tiny/config.json', '{"model_type":"llama"}');
  await write('tiny/model.safetensors', safetensorsBytes('weights'));
  const config = `
filesystems: [{ name: nfs, region: local, path: ${path}, mount_path: /models }]
runtimes:
  - { name: any, kind: local, categories: [chat], formats: [safetensors], command: [sleep, "60"] }
`;
  return { path, config, write, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** What registers the model in `tiny`. */
export const tiny = {
  source: 'filesystem',
  filesystem: 'nfs',
  subfolder: 'tiny',
  category: 'chat',
  name: 'tiny',
} as const;
