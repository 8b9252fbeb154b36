import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCompletion } from '../../download/disk/completion.ts';
import { completionFile, pullEvent } from '../../download/manifest.ts';
import type { PullEvent, PullManifest } from '../../download/manifest.ts';
import { describeMismatch, verifyTree } from '../../download/disk/verify.ts';
import type { Clock } from '../../base/clock.ts';
import type { NewId } from '../../base/ids.ts';
import { absentIfMissing } from '../../base/absent.ts';
import type { ObservedVolume, StoragePiece } from '../../region/region.ts';
import { lastLines } from './last-lines.ts';
import { namesIn } from './names-in.ts';
import { endRecorded, noteOf, presenceOf, startRecorded } from './recorded-process.ts';

const pullMain = fileURLToPath(new URL(`./pull-main${extname(import.meta.url)}`, import.meta.url));
const graceMs = 5000;
const deletedFolder = '.deleted';

interface LocalVolumesDeps {
  folder: string;
  environment: Record<string, string>;
  clock: Clock;
  newId: NewId;
  changed: (key: string) => void;
}

/** A volume is a folder: the tree that engines read, and beside it the files of its downloads. */
export class LocalVolumes {
  readonly #deps: LocalVolumesDeps;
  readonly #starting = new Map<string, Promise<void>>();
  /** Downloads that were observed running. No event reports the end of a download that an earlier server started. */
  readonly #running = new Set<string>();
  #deleting: Promise<unknown> = Promise.resolve();

  constructor(deps: LocalVolumesDeps) {
    this.#deps = deps;
  }

  /** The folder of the model's files. */
  tree(key: string): string {
    return join(this.#deps.folder, key, 'tree');
  }

  async observe(key: string): Promise<ObservedVolume> {
    const observed = await this.#observe(key);
    if (observed.state === 'downloading') this.#running.add(key);
    else if (this.#running.delete(key)) await this.#forgetToken(key);
    return observed;
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
    // It may have finished since the first check.
    const finished = await readCompletion(this.tree(key));
    if (finished) return { state: 'ready', bytes: finished.bytes };
    const last = await this.#lastEvent(key, attempt);
    if (last?.type === 'failed') return { state: 'failed', attempt, failure: last };
    return { state: 'failed', attempt, failure: interrupted };
  }

  async start(
    key: string,
    manifest: PullManifest,
    attempt: number,
    token: string | undefined,
    donors: readonly string[] = [],
  ): Promise<void> {
    if (this.#starting.has(key) || (await presenceOf(this.#record(key))) === 'running') return;
    const started = this.#start(key, manifest, attempt, token, donors).finally(() => this.#starting.delete(key));
    this.#starting.set(key, started);
    await started;
  }

  async stop(key: string): Promise<void> {
    await endRecorded(this.#deps.clock, this.#record(key), graceMs);
    await this.#forgetToken(key);
  }

  async stopAll(): Promise<void> {
    const names = await namesIn(this.#deps.folder);
    const keys = names.filter((name) => name !== deletedFolder);
    await Promise.all(keys.map((key) => this.stop(key)));
  }

  async verify(key: string): Promise<string[]> {
    const { mismatches } = await verifyTree(this.tree(key));
    // A damaged volume must not be mounted. Without the completion file the next download repairs it.
    if (mismatches.length > 0) await rm(join(this.tree(key), completionFile), { force: true });
    return mismatches.map(describeMismatch);
  }

  /**
   * Returns the bytes that this frees: those whose last link goes. Renames the volume first: a half-deleted volume is never taken for a complete
   * one, and a download that starts meanwhile gets an empty folder.
   */
  async delete(key: string): Promise<number> {
    await this.stop(key);
    // Two volumes that share files would both see the other's links if they were deleted at the same time.
    const deleted = this.#deleting.then(() => this.#delete(key));
    this.#deleting = deleted.catch(() => undefined);
    return deleted;
  }

  async #delete(key: string): Promise<number> {
    const bytes = await this.#freeable(key);
    const deleted = join(this.#deps.folder, deletedFolder);
    await mkdir(deleted, { recursive: true, mode: 0o700 });
    await rename(join(this.#deps.folder, key), join(deleted, this.#deps.newId(key))).catch(absentIfMissing);
    // Deletes leftovers of a server that was killed here, too.
    await rm(deleted, { recursive: true, force: true, maxRetries: 3 });
    return bytes;
  }

  async #start(
    key: string,
    manifest: PullManifest,
    attempt: number,
    token: string | undefined,
    donors: readonly string[],
  ): Promise<void> {
    // Processes of an earlier attempt may outlive its leader. They must not write here any more.
    await endRecorded(this.#deps.clock, this.#record(key), graceMs);
    const folder = join(this.#deps.folder, key);
    await mkdir(this.tree(key), { recursive: true, mode: 0o755 });
    await mkdir(join(folder, 'pulls'), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const args = [
      '--manifest',
      join(folder, 'manifest.json'),
      '--target',
      this.tree(key),
      '--attempt',
      String(attempt),
      ...donors.flatMap((donor) => ['--from', this.tree(donor)]),
    ];
    if (token !== undefined) {
      await writeFile(this.#tokenFile(key), token, { mode: 0o600 });
      args.push('--token-file', this.#tokenFile(key), '--forget-token');
    }
    await startRecorded(this.#deps.clock, {
      record: this.#record(key),
      note: { attempt },
      command: process.execPath,
      arguments: [pullMain, ...args],
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
    const names = await namesIn(join(this.#deps.folder, key, 'pulls'));
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

  /** Every inode is a piece. Hard links of volumes to the same file are the same piece. */
  async storageOf(keys: readonly string[]): Promise<ReadonlyMap<string, readonly StoragePiece[]>> {
    const found = new Map<string, readonly StoragePiece[]>();
    for (const key of keys) {
      const files = await this.#inodes(key);
      if (files.some(({ isShared }) => isShared)) found.set(key, files);
    }
    return found;
  }

  async #freeable(key: string): Promise<number> {
    const files = await this.#inodes(key);
    return files.reduce((sum, { bytes, isShared }) => sum + (isShared ? 0 : bytes), 0);
  }

  /** `isShared`: the file has a link outside this volume too. */
  async #inodes(key: string): Promise<(StoragePiece & { isShared: boolean })[]> {
    const tree = readdir(this.tree(key), { recursive: true, withFileTypes: true });
    const entries = (await tree.catch(absentIfMissing)) ?? [];
    const stats = await Promise.all(
      entries
        .filter((entry) => entry.isFile())
        // A download renames and deletes its own files meanwhile.
        .map((entry) => stat(join(entry.parentPath, entry.name)).catch(absentIfMissing)),
    );
    const byInode = Map.groupBy(
      stats.filter((each) => each !== undefined),
      ({ dev, ino }) => `${dev}.${ino}`,
    );
    return [...byInode].map(([id, links]) => {
      const { blocks = 0, nlink = 0 } = links[0] ?? {};
      return { id, bytes: blocks * 512, isShared: nlink > links.length };
    });
  }
}

const interrupted: Extract<PullEvent, { type: 'failed' }> = {
  type: 'failed',
  code: 'interrupted',
  message: 'The download was killed before it finished, perhaps because the machine ran out of memory.',
  retryable: true,
};

/** Undefined for a line that a kill cut off. */
function parseEvent(line: string): PullEvent | undefined {
  try {
    const parsed = pullEvent.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
