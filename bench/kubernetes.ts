import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '../src/cli/node-flags.ts';
import { makeTinyGguf } from '../src/quickstart/tiny-gguf.ts';
import { startFaultProxy } from '../test/kubernetes/support/fault-proxy.ts';
import { startNodes } from '../test/kubernetes/support/nodes.ts';
import { dataFolderWith, engine, makeNamespace, regionConfig } from '../test/kubernetes/support/regions.ts';
import { startControlPlane } from '../test/support/control-plane.ts';
import type { ControlPlane } from '../test/support/control-plane.ts';
import { startHub } from '../test/support/hub/hub.ts';
import type { BenchOptions, BenchResult } from './bench.ts';
import type { Reply } from './kubernetes-server.ts';

/** Uses a real API server (KUBEBUILDER_ASSETS) with simulated nodes. The nodes pause while a restart is measured. */
export async function run({ quick, json }: BenchOptions): Promise<void> {
  const total = quick ? 100 : 2000;
  await using undo = new AsyncDisposableStack();
  const plane = undo.use(await startControlPlane());
  const nodes = await startNodes(plane, [{ name: 'eu-1' }]);
  const hub = undo.use(await startHub());
  for (const name of ['one', 'two'])
    hub.addRepo(`team/${name}`, { files: { 'm.gguf': makeTinyGguf() }, pipeline_tag: 'text-generation' });
  const proxy = undo.use(await startFaultProxy(plane.url));
  const namespace = await makeNamespace(plane);
  const kubeconfig = await plane.kubeconfig('ecolink', { server: proxy.url, insecure: true });
  const regions = ['eu', 'us'].map((name) => ({ ...regionConfig(namespace), name, kubeconfig }));
  const folder = undo.use(await dataFolderWith({ regions, runtimes: [engine] }));
  const environment = {
    PATH: process.env['PATH'] ?? '',
    ECOLINK_DATA_DIR: folder.dataDir,
    ECOLINK_CONFIG: folder.config,
    HF_ENDPOINT: hub.endpoint,
  };
  const place: Place = { plane, namespace, environment, requests: proxy.requests };
  const figures: Record<string, number> = {};
  let server = await startServer(environment);
  for (const name of ['one', 'two'])
    await server.do('register_model', { name, source: 'huggingface', repo: `team/${name}` });
  Object.assign(figures, await launches(place, server, quick ? 10 : 50));
  Object.assign(figures, await herd(place, server));
  await fill(place, server, total);
  await server.stop();
  await nodes[Symbol.asyncDispose]();
  server = await restart(place, figures, total);
  Object.assign(figures, await idle(place, server, quick ? 10 : resyncSeconds));
  await server.stop();
  report({ bench: 'kubernetes', machine: machineWords(), figures }, total, json);
}

interface Place {
  plane: ControlPlane;
  namespace: string;
  environment: Record<string, string>;
  requests: string[];
}

interface Server {
  do(operation: string, input: object): Promise<Record<string, unknown>>;
  usage(): Promise<{ rss: number; cpuMs: number }>;
  stop(): Promise<void>;
}

async function startServer(env: Record<string, string>): Promise<Server> {
  const child: ChildProcess = fork(fileURLToPath(new URL('./kubernetes-server.ts', import.meta.url)), {
    env,
    // `serve` gives itself the same flags.
    execArgv: nodeFlags,
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const begun = once(child, 'message');
  child.on('message', ({ id, answer, error }: Reply) => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(answer);
    else waiter?.reject(new Error(error));
  });
  await begun;
  let id = 0;
  const ask = (question: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(++id, { resolve, reject });
      child.send({ ...question, id });
    });
  return {
    do: (operation, input) => ask({ operation, input }) as Promise<Record<string, unknown>>,
    usage: () => ask({ usage: true }) as Promise<{ rss: number; cpuMs: number }>,
    async stop() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

/** Time from an accepted launch to its workload in the cluster. The volume already exists. */
async function launches(place: Place, server: Server, rounds: number): Promise<Record<string, number>> {
  await server.do('launch_instance', { model: 'one', regions: ['eu'] });
  await until(async () => (await stateOf(server, 1)) === 'running');
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { instance } = await server.do('launch_instance', { model: 'one', regions: ['eu'] });
    const accepted = performance.now();
    await until(
      () => exists(place, `apis/apps/v1/namespaces/${place.namespace}/deployments/instance-${String(instance)}-eu`),
      2,
    );
    times.push(performance.now() - accepted);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] as number;
  return {
    'launch accepted to workload applied: p50 ms': at(0.5),
    'launch accepted to workload applied: p95 ms': at(0.95),
  };
}

async function herd({ plane, namespace }: Place, server: Server): Promise<Record<string, number>> {
  const before = await downloads(plane, namespace);
  const receipts = await Promise.all(Array.from({ length: 100 }, () => server.do('launch_instance', { model: 'two' })));
  const last = Math.max(...receipts.map((receipt) => receipt['instance'] as number));
  await until(async () => (await stateOf(server, last)) === 'running', 200);
  return { '100 concurrent launches in two regions: downloads': (await downloads(plane, namespace)) - before };
}

async function downloads(plane: ControlPlane, namespace: string): Promise<number> {
  const path = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  return (await plane.call<{ items: unknown[] }>('GET', path)).items.length;
}

async function fill({ plane, namespace }: Place, server: Server, total: number): Promise<void> {
  for (;;) {
    const { instance } = await server.do('launch_instance', { model: 'one', regions: ['eu'] });
    if ((instance as number) >= total) break;
  }
  await until(async () => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments?limit=5000`;
    const { items } = await plane.call<{ items: { status?: { readyReplicas?: number } }[] }>('GET', path);
    return items.length >= total && items.every((item) => item.status?.readyReplicas === 1);
  }, 2000);
  // From here on, only the server changes anything.
  await delay(5000);
}

const broken = 20;

/** Deletes objects while no server runs. Steady state is reached when the server has restored them all. */
async function restart(place: Place, figures: Record<string, number>, total: number): Promise<Server> {
  const { plane, namespace, requests } = place;
  const policies = `apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`;
  const victims = Array.from(
    { length: broken },
    (_, index) => `${policies}/instance-${1 + Math.floor((index * total) / broken)}-eu`,
  );
  // Instances of the parallel launches are included, because they run in both regions.
  for (const path of victims) await plane.call('DELETE', `/${path}`);
  requests.length = 0;
  const began = performance.now();
  const server = await startServer(place.environment);
  await until(async () => (await Promise.all(victims.map((path) => exists(place, path)))).every(Boolean), 100);
  figures[`restart with ${total} instances: seconds to steady`] = (performance.now() - began) / 1000;
  figures[`restart with ${total} instances: API requests`] = requests.length;
  figures[`restart with ${total} instances: RSS MB`] = (await server.usage()).rss / 1e6;
  await delay(3000);
  requests.length = 0;
  await plane.call('DELETE', `/${victims[0]}`);
  await until(() => exists(place, victims[0] as string), 20);
  await delay(2000);
  figures[`one change among ${total}: API requests`] = requests.length;
  return server;
}

/** The server checks everything again in this interval. A shorter measurement would miss that cost. */
const resyncSeconds = 300;

async function idle({ requests }: Place, server: Server, seconds: number): Promise<Record<string, number>> {
  await delay(2000);
  requests.length = 0;
  const before = (await server.usage()).cpuMs;
  await delay(seconds * 1000);
  const { cpuMs, rss } = await server.usage();
  return {
    'idle: CPU %': (cpuMs - before) / (seconds * 10),
    'idle: API requests a minute': (requests.length * 60) / seconds,
    'idle: RSS MB': rss / 1e6,
  };
}

async function stateOf(server: Server, instance: number): Promise<unknown> {
  return (await server.do('get_instance', { instance: String(instance) }))['state'];
}

function exists({ plane }: Place, path: string): Promise<boolean> {
  return plane.call('GET', `/${path}`).then(
    () => true,
    () => false,
  );
}

async function until(check: () => Promise<boolean>, pauseMs = 50): Promise<void> {
  while (!(await check())) await delay(pauseMs);
}

function machineWords(): string {
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`;
}

function report(result: BenchResult, total: number, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  process.stdout.write(`${result.bench}: ${total} instances, ${result.machine}\n`);
  for (const [name, value] of Object.entries(result.figures))
    process.stdout.write(`  ${name.padEnd(58)} ${value.toFixed(2)}\n`);
}
