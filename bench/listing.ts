import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/core/config/load.ts';
import { createCore } from '../src/core/create-core.ts';
import { createLog } from '../src/core/base/log.ts';
import type { Model } from '../src/core/registry/model.ts';
import { insertInstance } from '../src/core/instances/table.ts';
import { insertModel } from '../src/core/registry/table.ts';
import { openStore } from '../src/core/store/store.ts';
import type { Store } from '../src/core/store/store.ts';
import type { BenchOptions, BenchResult } from './bench.ts';

const records = 1000;

/** Measures every listing with 1,000 models and 1,000 instances: first page, last page, largest page, a search. */
export async function run({ quick, json }: BenchOptions): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-bench-'));
  try {
    const config = loadConfig({ ECOLINK_DATA_DIR: dataDir, ECOLINK_CONFIG: '/dev/null', PATH: process.env['PATH'] });
    {
      await using core = await createCore(config, createLog({ level: 'silent', pretty: false }), { reconcile: false });
      await using store = await openStore(config);
      await seed(store, (await core.access.local()).id);
      report(await measure(core, quick ? 20 : 200), json);
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

type Core = Awaited<ReturnType<typeof createCore>>;

async function measure(core: Core, rounds: number): Promise<BenchResult> {
  const person = await core.access.local();
  const caller = {
    person,
    identity: 'local',
    agent: false,
    mayDecide: true,
    source: 'cli' as const,
    scopes: ['operate' as const, 'read' as const],
  };
  const list = (operation: string, input: object) => core.execute(operation, input, caller);
  const lastOf = async (operation: string): Promise<string> => {
    let cursor: string | undefined;
    for (;;) {
      const page = (await list(operation, { limit: 100, ...(cursor ? { cursor } : {}) })) as { next_cursor?: string };
      if (page.next_cursor === undefined) return cursor as string;
      cursor = page.next_cursor;
    }
  };
  const cases: [string, string, object][] = [
    ['list_models first page of 20', 'list_models', {}],
    ['list_models first page of 100', 'list_models', { limit: 100 }],
    ['list_models last page', 'list_models', { limit: 100, cursor: await lastOf('list_models') }],
    ['list_models search', 'list_models', { query: 'model-09' }],
    ['list_instances first page of 20', 'list_instances', {}],
    ['list_instances first page of 100', 'list_instances', { limit: 100 }],
    ['list_instances last page', 'list_instances', { limit: 100, cursor: await lastOf('list_instances') }],
    ['list_instances by state', 'list_instances', { state: 'stopped', limit: 100 }],
    ['list_audit', 'list_audit', { limit: 100 }],
    ['list_regions', 'list_regions', {}],
    ['list_filesystems', 'list_filesystems', {}],
    ['list_cache', 'list_cache', { limit: 100 }],
  ];
  const figures: Record<string, number> = {};
  for (const [name, operation, input] of cases)
    Object.assign(figures, await timed(name, rounds, () => list(operation, input)));
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`;
  return { bench: 'listing', machine, figures };
}

async function timed(name: string, rounds: number, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const times: number[] = [];
  for (let round = 0; round < rounds + 3; round++) {
    const started = performance.now();
    await work();
    if (round >= 3) times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    Number((times[Math.min(times.length - 1, Math.floor(times.length * share))] as number).toFixed(2));
  return { [`${name}: p50 ms`]: at(0.5), [`${name}: max ms`]: at(1) };
}

function report(result: BenchResult, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  process.stdout.write(`${result.bench}: ${records} models, ${records} instances, ${result.machine}\n`);
  for (const [name, value] of Object.entries(result.figures))
    process.stdout.write(`  ${name.padEnd(44)} ${value.toFixed(2)}\n`);
}

async function seed(store: Store, owner: string): Promise<void> {
  await store.transaction(async (transaction) => {
    for (let index = 0; index < records; index++) {
      const model = modelAt(index, owner);
      await insertModel(transaction, model, `${model.repo}@${model.revision}`);
      await insertInstance(transaction, {
        name: model.name,
        registryModelId: model.id,
        spec: { replicas: 1, regions: [{ region: 'local', runtime: 'llama.cpp', arguments: [] }] },
        owner,
        private: false,
        createdAt: model.createdAt,
        stopAt: undefined,
        regions: [{ region: 'local', volume: `v-${index}` }],
      });
    }
    await transaction
      .updateTable('instances')
      .set({ desired: 'stopped', state: 'stopped' })
      .where('id', '<=', records / 2)
      .execute();
  });
}

/** A model of realistic size: a sharded model has some dozens of files. */
function modelAt(index: number, owner: string): Model {
  const number = String(index).padStart(4, '0');
  const commit = number.padStart(40, 'a');
  const files = Array.from({ length: 40 }, (_, file) => ({
    path: `model-${file}-of-40.safetensors`,
    size: 5e9,
    sha256: `${file}${commit}`.padStart(64, '0'),
  }));
  return {
    id: `mdl_${number}`,
    name: `model-${number}`,
    source: 'huggingface',
    repo: `acme/model-${number}`,
    revision: 'main',
    commit,
    category: 'chat',
    format: 'safetensors',
    files,
    bytes: 40 * 5e9,
    selection: { include: [], exclude: [] },
    gated: false,
    architecture: {},
    private: false,
    owner,
    createdAt: new Date(1.7e12 + index * 1000).toISOString(),
  };
}
