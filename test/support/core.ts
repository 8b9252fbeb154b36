import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/core/base/caller.ts';
import { loadConfig } from '../../src/core/config/load.ts';
import { configFileSchema } from '../../src/core/config/schema.ts';
import type { Core } from '../../src/core/core.ts';
import { createCore } from '../../src/core/create-core.ts';
import type { RegionKind } from '../../src/core/region/kind.ts';
import { regionKinds } from '../../src/core/regions/kinds.ts';
import { runPlainly } from './plain.ts';
import { createLog } from '../../src/core/base/log.ts';
import type { Log } from '../../src/core/base/log.ts';

export interface TestCore extends AsyncDisposable {
  core: Core;
  dataDir: string;
  /** The person at this machine's terminal. */
  local: Caller;
  run(operation: string, input?: object, caller?: Caller): Promise<Record<string, unknown>>;
}

export interface TestCoreOptions {
  environment?: Record<string, string>;
  /** Kept after the end where it is given. */
  dataDir?: string;
  reconcile?: boolean;
  /** The text of `ecolink.yaml`. */
  config?: string;
  log?: Log | undefined;
  /** Kinds of regions beside the built-in ones. */
  regionKinds?: readonly RegionKind[];
}

/** A real core on a data folder of its own. Ending it ends its engines and removes the folder. */
export async function startCore(options: TestCoreOptions = {}): Promise<TestCore> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'ecolink-test-')));
  const configPath = options.config === undefined ? '/dev/null' : join(dataDir, 'ecolink.yaml');
  if (options.config !== undefined) await writeFile(configPath, options.config);
  const kinds = [...regionKinds, ...(options.regionKinds ?? [])];
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    ECOLINK_DATA_DIR: dataDir,
    ECOLINK_PORT: '0',
    ECOLINK_CONFIG: configPath,
    HF_ENDPOINT: 'http://127.0.0.1:9',
    ECOLINK_AUDIT_KEY: Buffer.alloc(32, 1).toString('base64'),
    ...options.environment,
  };
  const config = loadConfig(environment, configFileSchema(kinds.map(({ settings }) => settings)));
  const log = options.log ?? createLog({ level: 'silent', pretty: false });
  const core = await createCore(config, log, { reconcile: options.reconcile ?? true, regionKinds: kinds });
  const token = (await readFile(join(dataDir, 'local-token'), 'utf8')).trim();
  const local = (await core.access.callerOfToken(token, 'cli')) as Caller;
  return {
    core,
    dataDir,
    local,
    run: (operation, input = {}, caller = local) => runPlainly(core, operation, input, caller),
    async [Symbol.asyncDispose]() {
      await core[Symbol.asyncDispose]();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
