import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { safetensorsBytes } from '../support/weight-bytes.ts';

interface Place extends AsyncDisposable {
  dataDir: string;
  /** What a server, a core or a command of this place is started with. */
  environment: Record<string, string>;
}

/** A fresh data folder beside a shared filesystem `shelf` with one model in the folder `small`. Nothing of it needs a Hub. */
export async function makePlace(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'ecolink-mcp-'));
  const model = join(root, 'shelf', 'small');
  await mkdir(model, { recursive: true });
  await writeFile(join(model, 'config.json'), JSON.stringify({ architectures: ['LlamaForCausalLM'], hidden_size: 64 }));
  await writeFile(join(model, 'model.safetensors'), safetensorsBytes('7'.repeat(4086)));
  const config = { filesystems: [{ name: 'shelf', region: 'local', path: join(root, 'shelf') }] };
  // YAML reads JSON.
  await writeFile(join(root, 'ecolink.yaml'), JSON.stringify(config));
  const dataDir = join(root, 'data');
  return {
    dataDir,
    environment: {
      ECOLINK_DATA_DIR: dataDir,
      ECOLINK_CONFIG: join(root, 'ecolink.yaml'),
      ECOLINK_PORT: '0',
      ECOLINK_LOG_LEVEL: 'silent',
      HF_ENDPOINT: 'http://127.0.0.1:9',
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
