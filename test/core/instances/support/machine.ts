import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import type { Config } from '../../../../src/core/config/config.ts';
import { loadConfig } from '../../../../src/core/config/load.ts';
import type { ExecuteOptions } from '../../../../src/core/core.ts';
import { createCore } from '../../../../src/core/create-core.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import { KiB } from '../../download/pulling.ts';
import { atTerminal } from '../../../support/callers.ts';
import type { Hub } from '../../../support/hub/hub.ts';
import { startHub } from '../../../support/hub/hub.ts';
import { z } from 'zod';
import { defined } from '../../../support/defined.ts';

export type Outcome = Record<string, unknown>;

const reasonShape = z.object({ code: z.string(), message: z.string() });

/** The answer of `get_instance`, as far as tests read it by type. */
const instanceView = z.looseObject({
  id: z.number(),
  model_id: z.string(),
  model: z.string(),
  state: z.string(),
  ready: z.number(),
  replicas: z.number(),
  runtime: z.string(),
  stop_at: z.string().optional(),
  regions: z.array(
    z.looseObject({
      region: z.string(),
      state: z.string(),
      ready: z.number(),
      restarts: z.number(),
      reason: reasonShape.optional(),
    }),
  ),
});
export type InstanceView = z.infer<typeof instanceView>;

const volumeView = z.looseObject({
  volume: z.string(),
  region: z.string(),
  state: z.string(),
  bytes: z.number(),
  in_use_by: z.array(z.number()),
  reason: reasonShape.optional(),
});
export type VolumeView = z.infer<typeof volumeView>;

export const engineScript = fileURLToPath(new URL('./engine.ts', import.meta.url));

/** The runtime that tests launch: this repo's smallest engine, by Node itself. */
export const engineRuntime = {
  name: 'engine',
  kind: 'local',
  categories: ['chat'],
  formats: ['gguf'],
  command: [process.execPath, engineScript],
  arguments: ['--model', '{model_path}', '--name', '{served_name}', '--host', '{host}', '--port', '{port}'],
  launch_arguments: [
    ...['--mine', '--worker'].map((flag) => ({ flag, value: 'none' })),
    ...['--tag', '--crash-if', '--healthy-if'].map((flag) => ({ flag, value: 'text', risk: 'For tests only.' })),
  ],
};

/**
 * Without a sandbox, which only some machines have: these tests look at engines from outside, by their pids. The tests of the
 * sandbox say `auto`.
 */
const plainRegion = { name: 'local', kind: 'local', sandbox: 'off' };

export interface MachineOptions {
  /** `ecolink.yaml`, beside the engine's runtime. */
  file?: Record<string, unknown>;
  environment?: Record<string, string>;
  /** What downloads get beside what the config gives them. */
  pulling?: Record<string, string>;
  /** Kept after the end where it is given. */
  dataDir?: string;
  /** Left open after the end where it is given. */
  hub?: Hub;
  reconcile?: boolean;
}

/** Impatient downloads: what fails fails within a second. */
export const impatient = { ECOLINK_PULL_TRIES: '1', ECOLINK_PULL_BACKOFF_MS: '10', ECOLINK_PULL_STALL_MS: '2000' };

/** A config for a data folder, with the test's engine as its runtime. */
export async function writeConfig(dataDir: string, hub: string, options: MachineOptions = {}): Promise<Config> {
  const path = join(dataDir, 'ecolink.yaml');
  await writeFile(path, JSON.stringify({ runtimes: [engineRuntime], regions: [plainRegion], ...options.file }));
  const config = loadConfig({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    ECOLINK_DATA_DIR: dataDir,
    ECOLINK_PORT: '0',
    ECOLINK_CONFIG: path,
    HF_ENDPOINT: hub,
    ...options.environment,
  });
  return { ...config, childEnvironment: { ...config.childEnvironment, ...options.pulling } };
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'ecolink-launch-'));
}

/** A core that does its work over a test Hub, with an engine that starts in a moment. Ending it ends everything. */
export async function startMachine(options: MachineOptions = {}) {
  await using undo = new AsyncDisposableStack();
  const dataDir = options.dataDir ?? (await temporaryFolder());
  if (options.dataDir === undefined) undo.defer(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  const hub = options.hub ?? undo.use(await startHub());
  const config = await writeConfig(dataDir, hub.endpoint, options);
  const log = createLog({ level: 'silent', pretty: false });
  const core = undo.use(await createCore(config, log, { reconcile: options.reconcile ?? true }));
  const local = await atTerminal(core);
  const parts = undo.move();
  return {
    core,
    hub,
    dataDir,
    local,
    ...calls((operation, input, execute) => core.execute(operation, input, local, execute)),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

export type Machine = Awaited<ReturnType<typeof startMachine>>;

export type Execute = (operation: string, input: object, options?: ExecuteOptions) => Promise<Outcome>;

const patience = { timeout: 30_000, interval: 50 };

/** The operations that these tests speak in, over whatever runs them. */
export function calls(execute: Execute) {
  const run: Execute = (operation, input, options) => execute(operation, input, options);
  const get = async (id: number, waitSeconds = 0): Promise<InstanceView> =>
    instanceView.parse(await run('get_instance', { instance: String(id), wait_seconds: waitSeconds }));
  const volumes = async (input: object = {}): Promise<VolumeView[]> =>
    z.array(volumeView).parse((await run('list_cache', input))['items']);
  return {
    run,
    get,
    volumes,
    async register(name: string, repo: string, more: object = {}): Promise<void> {
      await run('register_model', { name, source: 'huggingface', repo, category: 'chat', ...more });
    },
    async launch(model: string, more: object = {}): Promise<number> {
      return z.number().parse((await run('launch_instance', { model, runtime: 'engine', ...more }))['instance']);
    },
    /** Waits for a state, and answers with the instance in it. */
    async reach(id: number, state: string): Promise<InstanceView> {
      await vi.waitFor(async () => expect((await get(id)).state).toBe(state), patience);
      return get(id);
    },
    async reachVolume(state: string): Promise<VolumeView> {
      await vi.waitFor(async () => expect((await volumes())[0]?.state).toBe(state), patience);
      return defined((await volumes())[0]);
    },
  };
}

/** Weights that no engine of these tests looks into. */
export function weights(size = 64 * KiB, seed = 1) {
  return { files: { 'model.gguf': { size, seed } } };
}

/** The base URLs of an instance's replicas that take calls. */
export async function urlsOf(machine: Machine, id: number): Promise<string[]> {
  return (await machine.core.routes.findById(id, machine.local)).replicas.map(({ url }) => url);
}

const engineAnswer = z.object({ pid: z.number(), port: z.string(), model: z.string(), name: z.string() });

/** What the engine says of itself. */
export async function askEngine(url: string): Promise<{ pid: number; port: string; model: string; name: string }> {
  return engineAnswer.parse(await (await fetch(url)).json());
}

const logsShape = z.object({ logs: z.array(z.object({ lines: z.array(z.string()) })).default([]) });

/** The engine's log, of all regions and replicas. */
export async function logOf(machine: Pick<Machine, 'run'>, id: number): Promise<string> {
  const { logs } = logsShape.parse(await machine.run('get_instance_logs', { instance: String(id), lines: 200 }));
  return logs.flatMap(({ lines }) => lines).join('\n');
}
