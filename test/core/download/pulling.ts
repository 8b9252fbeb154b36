import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import type { PullTuning } from '../../../src/core/config/pull-environment.ts';
import { pullEvent, stateFolder, type PullEvent, type PullManifest } from '../../../src/core/download/manifest.ts';
import { runPull } from '../../../src/core/download/pull.ts';
import type { Hub } from '../../support/hub/hub.ts';
import type { HubRepo } from '../../support/hub/repo.ts';

export const KiB = 1024;
export const MiB = 1024 * KiB;

/** Small sizes and short waits, so that tests are fast. Except `stallMs`: a busy machine is silent for seconds, too. */
export const quick: PullTuning = {
  connections: 4,
  rangeBytes: 256 * KiB,
  stallMs: 8000,
  tries: 4,
  backoffMs: { first: 10, longest: 50 },
  longestHoldMs: 3000,
};

/** A new folder for one test, deleted at its end. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'ecolink-pull-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export function manifestOf(hub: Hub, repo: HubRepo): PullManifest {
  const files = repo.head.files.map(({ path, content, lfs, blobId }) => {
    return { path, size: content.size, ...(lfs ? { sha256: lfs.sha256 } : { blob_id: blobId }) };
  });
  return { version: 1, endpoint: hub.endpoint, repo: repo.id, commit: repo.head.sha, files };
}

export interface PullResult {
  status: number;
  events: PullEvent[];
  last: PullEvent;
}

/** A pull inside this process. */
export async function pull(
  manifest: PullManifest,
  target: string,
  options: { token?: string; attempt?: number; tuning?: Partial<PullTuning>; proxy?: Record<string, string> } = {},
): Promise<PullResult> {
  const events: PullEvent[] = [];
  const { tuning, proxy, ...rest } = options;
  const environment = { proxy: proxy ?? {}, tuning: { ...quick, ...tuning } };
  const status = await runPull({ ...rest, manifest, target, environment, onEvent: (event) => events.push(event) });
  const last = events.at(-1);
  if (!last) throw new Error('The pull sent no event.');
  return { status, events, last };
}

/** The paths below a target, without EcoLink's own files. */
export async function tree(target: string): Promise<string[]> {
  const entries = await readdir(target, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(target, join(entry.parentPath, entry.name)));
  return files.filter((path) => !path.startsWith(stateFolder)).sort();
}

export async function isSame(target: string, path: string, expected: Buffer): Promise<boolean> {
  return expected.equals(await readFile(join(target, path)));
}

export interface PullProcess {
  child: ChildProcess;
  /** Grows while the process runs. */
  events: PullEvent[];
  output(): string;
  ended: Promise<ProcessEnd>;
}

interface ProcessEnd {
  status: number | null;
  signal: NodeJS.Signals | null;
}

export const pullEntry = new URL('./pull-entry.ts', import.meta.url).pathname;

/** A pull in its own process, as regions start it. Dispose kills it. */
export async function startPull(
  folder: string,
  manifest: PullManifest,
  options: {
    attempt?: number;
    env?: Record<string, string>;
    prefix?: string[];
    token?: string;
    target?: string;
    from?: string[];
  } = {},
): Promise<PullProcess & Disposable> {
  const manifestFile = join(folder, 'manifest.json');
  await writeFile(manifestFile, JSON.stringify(manifest));
  const attempt = options.attempt === undefined ? [] : ['--attempt', String(options.attempt)];
  const token = options.token === undefined ? [] : ['--token-file', '-'];
  const pullArguments = [
    '--manifest',
    manifestFile,
    '--target',
    options.target ?? join(folder, 'target'),
    ...attempt,
    ...token,
    ...(options.from ?? []).flatMap((tree) => ['--from', tree]),
  ];
  const [program, ...before] = [...(options.prefix ?? []), process.execPath];
  const child = spawn(program ?? '', [...before, pullEntry, ...pullArguments], {
    env: { PATH: process.env['PATH'], ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(options.token ?? '');
  const events: PullEvent[] = [];
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`;
    events.push(pullEvent.parse(JSON.parse(line)));
  });
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (status, signal) => resolve({ status, signal }));
  });
  return { child, events, output: () => output, ended, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** The tuning as environment variables for a process. */
export function tuningEnv(tuning: Partial<PullTuning>): Record<string, string> {
  const merged = { ...quick, ...tuning };
  return {
    ECOLINK_PULL_CONNECTIONS: String(merged.connections),
    ECOLINK_PULL_RANGE_KIB: String(merged.rangeBytes / KiB),
    ECOLINK_PULL_STALL_MS: String(merged.stallMs),
    ECOLINK_PULL_TRIES: String(merged.tries),
    ECOLINK_PULL_BACKOFF_MS: String(merged.backoffMs.first),
    ECOLINK_PULL_HOLD_MS: String(merged.longestHoldMs),
  };
}
