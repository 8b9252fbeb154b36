import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCompletion } from '../../download/disk/completion.ts';
import { completionFile, pullEvent } from '../../download/manifest.ts';
import type { PullEvent, PullManifest } from '../../download/manifest.ts';
import { describeMismatch, verifyTree } from '../../download/disk/verify.ts';
import { randomId } from '../../base/ids.ts';
import type { ObservedVolume } from '../../region/region.ts';
import { lastLines } from './last-lines.ts';
import { endRecorded, noteOf, presenceOf, startRecorded } from './recorded-process.ts';

const pullMain = fileURLToPath(new URL(`./pull-main${extname(import.meta.url)}`, import.meta.url));
const graceMs = 5000;
const deletedFolder = '.deleted';

interface Deps {
  folder: string;
  environment: Record<string, string>;
  changed: (key: string) => void;
}

/** Volumes are folders: the tree that engines read, and beside it what the downloads need. */
export class LocalVolumes {
  readonly #deps: Deps;
  readonly #starting = new Map<string, Promise<void>>();
  /** Downloads that were seen running: the end of one that an earlier server began is nobody's event. */
  readonly #running = new Set<string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Where the model's files lie. */
  tree(key: string): string {
    return join(this.#deps.folder, key, 'tree');
  }

  async observe(key: string): Promise<ObservedVolume> {
    const seen = await this.#observe(key);
    if (seen.state === 'downloading') this.#running.add(key);
    else if (this.#running.delete(key)) await this.#forgetToken(key);
    return seen;
  }

  async #observe(key: string): Promise<ObservedVolume> {
    const completion = await readCompletion(this.tree(key));
    if (completion) return { state: 'ready', bytes: completion.bytes };
    const attempt = Number((await noteOf(this.#record(key)))?.['attempt'] ?? (await this.#lastAttempt(key)));
    if (this.#starting.has(key) || (await presenceOf(this.#record(key))) !== 'none') {
      const last = await this.#lastEvent(key, attempt);
      if (last?.type !== 'progress') return { state: 'downloading', attempt };
      const { type: _type, ...progress } = last;
      return { state: 'downloading', attempt, progress };
    }
    if (attempt === 0) return { state: 'absent' };
    // It may have finished between the two looks.
    const finished = await readCompletion(this.tree(key));
    if (finished) return { state: 'ready', bytes: finished.bytes };
    const last = await this.#lastEvent(key, attempt);
    if (last?.type === 'failed') return { state: 'failed', attempt, failure: last };
    return { state: 'failed', attempt, failure: interrupted };
  }

  async start(key: string, manifest: PullManifest, attempt: number, token: string | undefined): Promise<void> {
    if (this.#starting.has(key) || (await presenceOf(this.#record(key))) === 'running') return;
    const started = this.#start(key, manifest, attempt, token).finally(() => this.#starting.delete(key));
    this.#starting.set(key, started);
    await started;
  }

  async stop(key: string): Promise<void> {
    await endRecorded(this.#record(key), graceMs);
    await this.#forgetToken(key);
  }

  async stopAll(): Promise<void> {
    const names = await readdir(this.#deps.folder).catch(() => [] as string[]);
    const keys = names.filter((name) => name !== deletedFolder);
    await Promise.all(keys.map((key) => this.stop(key)));
  }

  async verify(key: string): Promise<string[]> {
    const { mismatches } = await verifyTree(this.tree(key));
    // What is not whole must not be mounted, and the next download repairs what no statement vouches for.
    if (mismatches.length > 0) await rm(join(this.tree(key), completionFile), { force: true });
    return mismatches.map(describeMismatch);
  }

  /**
   * Bytes that the tree held. It goes under another name first: what dies midway is never taken for whole, and a
   * download that begins meanwhile has the old name to itself.
   */
  async delete(key: string): Promise<number> {
    await this.stop(key);
    const held = await this.#size(key);
    const deleted = join(this.#deps.folder, deletedFolder);
    await mkdir(deleted, { recursive: true, mode: 0o700 });
    await rename(join(this.#deps.folder, key), join(deleted, randomId(key))).catch(ignoreMissing);
    // With it go those that were left when somebody killed the server here.
    await rm(deleted, { recursive: true, force: true, maxRetries: 3 });
    return held;
  }

  async #start(key: string, manifest: PullManifest, attempt: number, token: string | undefined): Promise<void> {
    // The group of an earlier attempt may outlive its leader: nothing else may write here.
    await endRecorded(this.#record(key), graceMs);
    const folder = join(this.#deps.folder, key);
    await mkdir(this.tree(key), { recursive: true, mode: 0o755 });
    await mkdir(join(folder, 'pulls'), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const words = [
      '--manifest',
      join(folder, 'manifest.json'),
      '--target',
      this.tree(key),
      '--attempt',
      String(attempt),
    ];
    if (token !== undefined) {
      await writeFile(this.#tokenFile(key), token, { mode: 0o600 });
      words.push('--token-file', this.#tokenFile(key), '--forget-token');
    }
    await startRecorded({
      record: this.#record(key),
      note: { attempt },
      command: process.execPath,
      arguments: [pullMain, ...words],
      environment: this.#deps.environment,
      folder,
      outputFile: this.#events(key, attempt),
      errorFile: join(folder, 'pulls', `${attempt}.log`),
      onExit: () => {
        void this.#forgetToken(key).catch(() => {});
        this.#deps.changed(key);
      },
    });
  }

  #record(key: string): string {
    return join(this.#deps.folder, key, 'process.json');
  }

  #tokenFile(key: string): string {
    return join(this.#deps.folder, key, 'token');
  }

  async #forgetToken(key: string): Promise<void> {
    await rm(this.#tokenFile(key), { force: true });
  }

  #events(key: string, attempt: number): string {
    return join(this.#deps.folder, key, 'pulls', `${attempt}.jsonl`);
  }

  async #lastAttempt(key: string): Promise<number> {
    const names = await readdir(join(this.#deps.folder, key, 'pulls')).catch(() => [] as string[]);
    return Math.max(0, ...names.filter((name) => name.endsWith('.jsonl')).map((name) => Number.parseInt(name, 10)));
  }

  async #lastEvent(key: string, attempt: number): Promise<PullEvent | undefined> {
    const lines = await lastLines(this.#events(key, attempt), 3);
    for (const line of lines.toReversed()) {
      const event = parseEvent(line);
      if (event) return event;
    }
    return undefined;
  }

  async #size(key: string): Promise<number> {
    const entries = await readdir(this.tree(key), { recursive: true, withFileTypes: true }).catch(() => []);
    const sizes = await Promise.all(
      entries
        .filter((entry) => entry.isFile())
        .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).blocks * 512),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

const interrupted: Extract<PullEvent, { type: 'failed' }> = {
  type: 'failed',
  code: 'interrupted',
  message: 'The download was killed before it was finished, perhaps for want of memory.',
  retryable: true,
};

function ignoreMissing(thrown: NodeJS.ErrnoException): void {
  if (thrown.code !== 'ENOENT') throw thrown;
}

/** A line that was cut by a kill is no event. */
function parseEvent(line: string): PullEvent | undefined {
  try {
    const parsed = pullEvent.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
