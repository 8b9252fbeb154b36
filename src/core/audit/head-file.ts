import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { parseJson } from '../base/parse-json.ts';
import { systemErrorCode } from '../base/system-error.ts';
import type { ChainHead } from './chain.ts';

const storedHead = z.object({ number: z.int(), hash: z.string(), at: z.string() });

/** Longest time between a row and its head in the file. */
const intervalMs = 60_000;
/** Wait after a write that failed. */
const retryMs = 5_000;

/**
 * Keeps the head of the chain outside the database, at least once a minute. Without it nobody would see that the last
 * rows were deleted. The file only grows. Somebody who can write this machine's disk can change it too, so copy it elsewhere.
 */
export class HeadFile {
  readonly #path: string;
  readonly #clock: Clock;
  #latest: ChainHead | undefined;
  /** Monotonic time at which the next head may be written. */
  #nextWriteMs = -Infinity;
  #timer: Disposable | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** The last line may be cut off. */
  #isTorn = true;
  #isClosed = false;
  readonly #onFailure: (thrown: unknown) => void;

  /** `onFailure` is told of every write that failed, such as on a full disk. It is tried again. */
  constructor(path: string, clock: Clock, onFailure: (thrown: unknown) => void = () => undefined) {
    this.#onFailure = onFailure;
    this.#path = path;
    this.#clock = clock;
  }

  note(head: ChainHead): void {
    if (this.#latest && this.#latest.number > head.number) return;
    this.#latest = head;
    const waitMs = this.#nextWriteMs - this.#clock.elapsedMs();
    if (waitMs <= 0) this.#write();
    else this.#timer ??= this.#clock.after(waitMs, () => this.#write());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#write();
    await this.#writing;
  }

  async read(): Promise<ChainHead[]> {
    await this.#writing;
    const text = await readFile(this.#path, 'utf8').catch((thrown: unknown) => {
      if (systemErrorCode(thrown) === 'ENOENT') return '';
      throw thrown;
    });
    // A crash may have cut the last line.
    return text.split('\n').flatMap((line) => {
      const parsed = storedHead.safeParse(parseJson(line));
      return parsed.success ? [parsed.data] : [];
    });
  }

  #write(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const head = this.#latest;
    if (!head) return;
    this.#latest = undefined;
    this.#nextWriteMs = this.#clock.elapsedMs() + intervalMs;
    const line = JSON.stringify({ ...head, at: this.#clock.now().toISOString() });
    this.#writing = this.#writing.then(() => this.#append(line, head));
  }

  /** Never rejects: a row of the audit is worth more than its head in the file. */
  async #append(line: string, head: ChainHead): Promise<void> {
    try {
      await appendFile(this.#path, `${this.#isTorn ? '\n' : ''}${line}\n`, { mode: 0o600 });
      this.#isTorn = false;
    } catch (thrown) {
      this.#isTorn = true;
      this.#onFailure(thrown);
      if (this.#isClosed) return;
      // A later head covers this one too.
      this.#latest ??= head;
      this.#nextWriteMs = this.#clock.elapsedMs() + retryMs;
      this.#timer?.[Symbol.dispose]();
      this.#timer = this.#clock.after(retryMs, () => this.#write());
    }
  }
}
