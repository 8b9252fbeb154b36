import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BenchOptions, BenchResult } from './bench.ts';
import { measure, median, type Measured } from './download-measure.ts';
import { durableWrite, installedPeers, jobOf, nowhere, oneHash, type Peer } from './download-peers.ts';
import type { ServerInfo, ServerOptions } from './download-server.ts';

interface Scenario {
  name: string;
  which: 'large' | 'small';
  bytes: number;
  server: Partial<ServerOptions>;
  tls?: boolean;
}

const smallFiles = 2000;

function scenarios(quick: boolean): Scenario[] {
  const gigabytes = (full: number) => (quick ? 0.25e9 : full * 1e9);
  return [
    { name: 'one large file', which: 'large', bytes: gigabytes(3), server: {} },
    { name: '50 MB/s per connection', which: 'large', bytes: gigabytes(1.5), server: { throttle: 50e6 } },
    { name: 'HTTPS, 20 ms round trip', which: 'large', bytes: gigabytes(1.5), server: { roundTrip: 20 }, tls: true },
    { name: `${smallFiles} small files`, which: 'small', bytes: 1e6, server: {} },
  ];
}

/** Compares durable pulls of a few GB with the peers on this machine, in interleaved rounds: time, memory and CPU. */
export async function run({ quick, json, only }: BenchOptions): Promise<void> {
  buildProgram();
  const folder = await mkdtemp(join(process.env['ECOLINK_BENCH_DIR'] ?? tmpdir(), 'ecolink-bench-'));
  // Ext4 searches past each inode that was freed minutes ago. That doubles the time of 2,000 small files. With this flag,
  // each folder in here gets its own area of the disk, so no program pays for the deletions of another.
  spawnSync('chattr', ['+T', folder], { stdio: 'ignore' });
  const figures: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  try {
    for (const scenario of scenarios(quick).filter(({ name }) => name.includes(only))) {
      const results = await runScenario(scenario, folder, quick ? 1 : 3);
      for (const [peer, runs] of results)
        Object.assign(figures, figuresOf(`${scenario.name}: ${peer}`, scenario, runs));
      const compared = ratiosOf(scenario, results);
      Object.assign(ratios, compared);
      if (!json) print(scenario, results, compared);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`;
  const result: BenchResult = { bench: 'download', machine, figures, ratios };
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else
    process.stdout.write(
      `On ${machine}. MB/s are medians of durable bytes; only ecolink and the checksum peers verify.\n`,
    );
}

async function runScenario(scenario: Scenario, folder: string, rounds: number): Promise<Map<string, Measured[]>> {
  const tls = scenario.tls ? makeCertificate(folder) : undefined;
  const options = { folder, bytes: scenario.bytes, smallFiles, ...scenario.server, ...(tls ? { tls } : {}) };
  const { info, child } = await startServer(options);
  const peers = [...installedPeers(), ...(scenario.which === 'large' ? [nowhere, durableWrite, oneHash] : [])];
  const results = new Map<string, Measured[]>(peers.map((peer) => [peer.name, []]));
  try {
    for (let round = 0; round < rounds; round += 1) {
      // Each program changes the page cache and the disk for the next one, so the order rotates.
      const order = [...peers.slice(round % peers.length), ...peers.slice(0, round % peers.length)];
      for (const peer of order) {
        const measured = await runPeer(peer, info, scenario, folder, tls?.cert);
        if (measured) results.get(peer.name)?.push(measured);
      }
    }
  } finally {
    child.kill();
  }
  return results;
}

async function runPeer(peer: Peer, info: ServerInfo, scenario: Scenario, folder: string, ca: string | undefined) {
  const target = await mkdtemp(join(folder, 'target-'));
  try {
    const command = peer.command(jobOf(info, scenario.which, target, ca));
    return command && (await measure(command.argv, command.env ?? {}, peer.durable ? undefined : target));
  } catch (error) {
    process.stderr.write(`${scenario.name}: ${peer.name} failed: ${(error as Error).message}\n`);
    return undefined;
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** Users install the built program, so the bench measures the build. */
function buildProgram(): void {
  const built = spawnSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' });
  if (built.status !== 0) throw new Error('npm run build failed.');
}

async function startServer(options: ServerOptions): Promise<{ info: ServerInfo; child: ChildProcess }> {
  const entry = new URL('./download-server.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [entry, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { info: JSON.parse(line) as ServerInfo, child };
}

function makeCertificate(folder: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const options = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' ');
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = spawnSync('openssl', [...options, ...names, '-keyout', key, '-out', cert]);
  if (made.status !== 0) throw new Error('openssl is needed for the HTTPS rounds.');
  return { key, cert };
}

function figuresOf(name: string, scenario: Scenario, runs: readonly Measured[]): Record<string, number> {
  if (runs.length === 0) return {};
  const seconds = median(runs.map((run) => run.seconds));
  const gigabytes = bytesOf(scenario) / 1e9;
  const speed =
    scenario.which === 'small'
      ? { [`${name}: files/s`]: round(smallFiles / seconds) }
      : { [`${name}: MB/s`]: round((gigabytes * 1000) / seconds) };
  return {
    ...speed,
    [`${name}: peak MB`]: round(median(runs.map((run) => run.peakBytes)) / 1e6),
    [`${name}: CPU s${scenario.which === 'small' ? '' : ' per GB'}`]: round(
      median(runs.map((run) => run.cpuSeconds)) / (scenario.which === 'small' ? 1 : gigabytes),
    ),
  };
}

/** Speed of the pull divided by the speed of each peer. */
function ratiosOf(scenario: Scenario, results: ReadonlyMap<string, readonly Measured[]>): Record<string, number> {
  const speedOf = (runs: readonly Measured[]) => 1 / median(runs.map((run) => run.seconds));
  const ours = results.get('ecolink pull') ?? [];
  const others = [...results].filter(([name, runs]) => name !== 'ecolink pull' && runs.length > 0);
  return Object.fromEntries(
    others.map(([name, runs]) => [`${scenario.name}: × ${name}`, round(speedOf(ours) / speedOf(runs))]),
  );
}

function print(
  scenario: Scenario,
  results: ReadonlyMap<string, readonly Measured[]>,
  ratios: Record<string, number>,
): void {
  process.stdout.write(`${scenario.name}\n`);
  for (const [peer, runs] of results) {
    const values = Object.entries(figuresOf('', scenario, runs)).map(
      ([unit, value]) => `${String(value).padStart(8)} ${unit.slice(2)}`,
    );
    const ratio = ratios[`${scenario.name}: × ${peer}`];
    if (ratio !== undefined) values.push(`the pull is ${ratio} ×`);
    process.stdout.write(`  ${peer.padEnd(30)} ${values.join('  ') || 'not measured'}\n`);
  }
}

function bytesOf({ which, bytes }: Scenario): number {
  return which === 'large' ? bytes : smallFiles * 4096;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
