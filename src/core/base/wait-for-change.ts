import type { Change, Changes } from './changes.ts';
import type { Clock } from './clock.ts';

interface WaitDeps {
  changes: Changes;
  clock: Clock;
}

export interface AwaitedChange extends Change {
  /** Reads the state. It is asked at once, after each change that was published, and every `pollMs`. */
  hasChanged(): Promise<boolean>;
  /** How long to wait, in milliseconds, at most `longestWaitMs`. */
  forMs: number;
  /** Longest time between two reads, in milliseconds: a change that another server made is never published here. */
  pollMs: number;
  /** Aborted when the caller has gone. */
  signal?: AbortSignal | undefined;
}

/** Hosts of assistants end calls that take 30 s and more. */
export const longestWaitMs = 25_000;

/** Waits until something has changed. Resolves to false if the time ends or the caller goes first. */
export async function waitForChange({ changes, clock }: WaitDeps, awaited: AwaitedChange): Promise<boolean> {
  const { kind, id, forMs, pollMs, signal } = awaited;
  const deadline = clock.elapsedMs() + Math.min(forMs, longestWaitMs);
  let published = new AbortController();
  const unsubscribe = changes.subscribe((change) => {
    if (change.kind === kind && change.id === id) published.abort();
  });
  try {
    for (;;) {
      // Made before the read: a change that is published during the read ends the next sleep at once.
      published = new AbortController();
      if (await awaited.hasChanged()) return true;
      const leftMs = deadline - clock.elapsedMs();
      if (leftMs <= 0 || signal?.aborted) return false;
      const wake = signal ? AbortSignal.any([published.signal, signal]) : published.signal;
      await clock.sleep(Math.min(leftMs, pollMs), wake);
    }
  } finally {
    unsubscribe();
  }
}
