import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ChainHead } from './chain.ts';

const keptHead = z.object({ number: z.int(), hash: z.string(), at: z.string() });

/** At most this long between a row and its head in the file. */
const everyMs = 60_000;

/**
 * Keeps the chain's head outside the database, at least every minute: without it, a tail that was cut would not be seen.
 * The file only grows; copy it elsewhere to hold against somebody who can write this machine's disk too.
 */
export class HeadFile {
  readonly #path: string;
  #latest: ChainHead | undefined;
  #writtenAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  note(head: ChainHead): void {
    if (this.#latest && this.#latest.number > head.number) return;
    this.#latest = head;
    const dueIn = this.#writtenAt + everyMs - Date.now();
    if (dueIn <= 0) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), dueIn).unref();
  }

  async close(): Promise<void> {
    this.#write();
    await this.#writing;
  }

  async read(): Promise<ChainHead[]> {
    await this.#writing;
    const text = await readFile(this.#path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return '';
      throw thrown;
    });
    return text.split('\n').flatMap((line) => {
      const parsed = keptHead.safeParse(parse(line));
      return parsed.success ? [parsed.data] : [];
    });
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const head = this.#latest;
    if (!head) return;
    this.#latest = undefined;
    this.#writtenAt = Date.now();
    const line = JSON.stringify({ ...head, at: new Date().toISOString() });
    this.#writing = this.#writing.then(() => appendFile(this.#path, `${line}\n`, { mode: 0o600 }));
  }
}

/** A last line that a crash cut is no head. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
