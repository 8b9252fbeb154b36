import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { vi } from 'vitest';
import { z } from 'zod';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { llamaEngineEntry } from '../../src/core/runtimes/llama-engine.ts';

const logLineSchema = z.record(z.string(), z.unknown());
export type LogLine = Readonly<z.output<typeof logLineSchema>>;

export interface RunningEngine {
  url: string;
  /** The answer of the health path right after the port was open. */
  healthWhileLoading: { status: number; body: unknown };
  log: LogLine[];
  child: ChildProcess;
  /** Resolves with the exit status. */
  exited: Promise<number | null>;
  stop: () => Promise<void>;
}

/** A real engine over a model with random weights, on a port that the system chose. */
export function startEngine(...flags: string[]): Promise<RunningEngine> {
  return startEngineOn(makeTinyGguf(), ...flags);
}

/** A real engine over the model in these bytes. */
export async function startEngineOn(gguf: Buffer, ...flags: string[]): Promise<RunningEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'llama-engine-'));
  const model = join(folder, 'tiny.gguf');
  await writeFile(model, gguf);
  const child = spawn(
    process.execPath,
    [llamaEngineEntry(), '--model', model, '--served-name', 'tiny', '--port', '0', ...flags],
    { stdio: ['ignore', 'inherit', 'pipe'] },
  );
  const exited = once(child, 'exit').then(() => child.exitCode);
  const log: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(logLineSchema.parse(JSON.parse(line))));
  const listening = await vi.waitUntil(() => log.find(({ event }) => event === 'listening'), { timeout: 20_000 });
  const url = `http://127.0.0.1:${String(listening['port'])}`;
  const first = await fetch(`${url}/health`);
  const healthWhileLoading = { status: first.status, body: await first.json() };
  await vi.waitUntil(async () => (await fetch(`${url}/health`)).status === 200, { timeout: 20_000 });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  return { url, healthWhileLoading, log, child, exited, stop };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
