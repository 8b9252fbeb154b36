import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What one run cost, until every byte was durable on the disk. */
export interface Measured {
  seconds: number;
  cpuSeconds: number;
  /** Peak resident set, in bytes. */
  peakBytes: number;
}

/** Clock ticks per second. Linux fixes this number for programs. */
const ticksPerSecond = 100;

/** Runs a command. If it does not sync its folder itself, syncs the folder too. Needs Linux's /proc. */
export async function measure(
  argv: readonly string[],
  env: Record<string, string>,
  toSync: string | undefined,
): Promise<Measured> {
  const [program = '', ...rest] = argv;
  const started = performance.now();
  const child = spawn(program, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  let usage = { cpuSeconds: 0, peakBytes: 0 };
  const timer = setInterval(() => (usage = readUsage(child.pid ?? 0) ?? usage), 20);
  const [status] = (await once(child, 'close')) as [number | null];
  clearInterval(timer);
  if (status !== 0) throw new Error(`${program} ended with status ${status}: ${errors.slice(0, 500)}`);
  if (toSync !== undefined) await syncTree(toSync);
  return { seconds: (performance.now() - started) / 1000, ...usage };
}

function readUsage(pid: number): { cpuSeconds: number; peakBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (peak === undefined) return undefined;
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond, peakBytes: Number(peak) * 1024 };
  } catch {
    return undefined;
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const handle = await open(join(entry.parentPath, entry.name), 'r');
    await handle.datasync();
    await handle.close();
  }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
