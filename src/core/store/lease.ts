import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { timestamp } from '../base/clock.ts';
import { fail } from '../base/errors.ts';
import type { EcolinkError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { parseJson } from '../base/parse-json.ts';
import { readLease, releaseLease, renewLease, takeLease } from './lease-table.ts';
import type { LeaseRow } from './lease-table.ts';
import type { Queries } from './store.ts';

/*
 * One server at a time reconciles. On PostgreSQL it holds a lease: a row that it renews. No two clocks are compared. Every
 * wait is measured by the monotonic clock of the process that waits. docs/design/reconciling.md says why.
 */

const renewEveryMs = 2000;
/** This long after the start of its last renewal, a holder begins nothing more. */
const heldMs = 6000;
/** A lease that does not change for this long is free. The rest of the time is for what the holder had begun. */
const freeAfterMs = 16_000;
const lookEveryMs = 1000;

const holderSchema = z.object({
  host: z.string(),
  pid: z.number(),
  /** When the server took the lease. */
  since: z.string(),
  /** Where the server listens. */
  address: z.string(),
});
export type LeaseHolder = z.infer<typeof holderSchema>;

/** The right to reconcile. */
export interface Lease extends AsyncDisposable {
  /** True while no other server can have the lease. Work begins only then. */
  isHeld(): boolean;
  /** Throws if another server has taken the lease since. For the end of a transaction. */
  confirm(transaction: Queries): Promise<void>;
  /** Resolves if another server has taken the lease. */
  readonly taken: Promise<EcolinkError>;
}

/** For a store that no other server can open. */
export const soleLease: Lease = {
  isHeld: () => true,
  confirm: async () => {},
  taken: Promise.withResolvers<EcolinkError>().promise,
  async [Symbol.asyncDispose]() {},
};

export interface LeaseOptions {
  /** A connection of its own: a renewal must not wait behind other work. */
  db: Queries;
  /** Called after a query that failed: a connection that hangs would hold up the next renewal too. */
  drop: () => void;
  clock: Clock;
  log: Log;
  holder: Pick<LeaseHolder, 'host' | 'pid'>;
  address: () => string;
  /** True: wait until another server ends. False: fail if another server lives. */
  waits: boolean;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/**
 * Takes the lease. If its holder does not renew it for 16 s, the holder is dead. Throws `database_in_use` if another server
 * holds it, and the reason of the signal if that is aborted.
 */
export async function acquireLease(options: LeaseOptions): Promise<Lease> {
  const { db, clock, signal, log } = options;
  const since = timestamp(clock);
  let seen = await readLease(db);
  let seenMs = clock.elapsedMs();
  if (!isFree(seen)) log.info({ holder: holderOf(seen) }, 'another server has the lease of the database: waiting');
  for (;;) {
    signal?.throwIfAborted();
    if (isFree(seen) || clock.elapsedMs() - seenMs >= freeAfterMs) {
      const startedMs = clock.elapsedMs();
      const row = rowFor(options, since, 0);
      const epoch = await takeLease(db, seen, row);
      if (epoch !== undefined) return new HeldLease(options, { since, epoch, startedMs });
    } else await clock.sleep(lookEveryMs, signal);
    const now = await readLease(db);
    if (isSame(now, seen)) continue;
    if (!options.waits && !isFree(now)) throw inUse(now);
    seen = now;
    // After the read: the holder renewed it before this moment.
    seenMs = clock.elapsedMs();
  }
}

class HeldLease implements Lease {
  readonly taken: Promise<EcolinkError>;
  readonly #options: LeaseOptions;
  readonly #since: string;
  readonly #epoch: number;
  readonly #stop = new AbortController();
  readonly #resolveTaken: (error: EcolinkError) => void;
  readonly #renewing: Promise<void>;
  #renewedMs: number;
  #renewals = 0;
  #isTaken = false;

  constructor(options: LeaseOptions, { since, epoch, startedMs }: { since: string; epoch: number; startedMs: number }) {
    this.#options = options;
    this.#since = since;
    this.#epoch = epoch;
    this.#renewedMs = startedMs;
    const taken = Promise.withResolvers<EcolinkError>();
    this.taken = taken.promise;
    this.#resolveTaken = taken.resolve;
    this.#renewing = this.#renewAlways();
  }

  isHeld(): boolean {
    return !this.#isTaken && this.#options.clock.elapsedMs() - this.#renewedMs < heldMs;
  }

  /** Reads without a lock: a process that hangs in a transaction must not keep others from the lease. */
  async confirm(transaction: Queries): Promise<void> {
    if (this.isHeld() && (await readLease(transaction))?.epoch === this.#epoch) return;
    throw new Error('This server lost its lease of the database, so it writes nothing.');
  }

  async #renewAlways(): Promise<void> {
    const { clock, log } = this.#options;
    let isTold = false;
    while (!this.#stop.signal.aborted && !this.#isTaken) {
      await clock.sleep(renewEveryMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.#renew().catch((thrown: unknown) => {
        this.#options.drop();
        if (!isTold) log.warn({ err: thrown }, 'the lease of the database could not be renewed; trying again');
      });
      if (this.isHeld() === !isTold) continue;
      isTold = !isTold;
      if (isTold) log.error('the lease of the database is lost: nothing is reconciled until it is back');
      else log.info('the lease of the database is back: reconciling again');
    }
  }

  async #renew(): Promise<void> {
    const { db, clock } = this.#options;
    const startedMs = clock.elapsedMs();
    if (await renewLease(db, this.#epoch, rowFor(this.#options, this.#since, ++this.#renewals))) {
      this.#renewedMs = startedMs;
      return;
    }
    this.#isTaken = true;
    this.#resolveTaken(inUse(await readLease(db)));
  }

  /** Frees the lease, so that the next server need not wait. Without an answer it frees itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    if (!this.#isTaken) await releaseLease(this.#options.db, this.#epoch).catch(() => {});
  }
}

/** What a server writes about itself. The count makes every renewal another row. */
function rowFor({ clock, holder, address }: LeaseOptions, since: string, renewals: number): LeaseRow {
  const { host, pid } = holder;
  const written: LeaseHolder & { renewals: number } = { host, pid, since, address: address(), renewals };
  // For people who look at the row. Nobody decides on it: it is the wall clock of one machine.
  return { holder: JSON.stringify(written), expires_at: timestamp(clock, freeAfterMs) };
}

function isFree(row: LeaseRow | undefined): boolean {
  return row === undefined || row.holder === '';
}

function isSame(one: LeaseRow | undefined, other: LeaseRow | undefined): boolean {
  return one?.epoch === other?.epoch && one?.holder === other?.holder;
}

function holderOf(row: LeaseRow | undefined): LeaseHolder | undefined {
  return holderSchema.safeParse(parseJson(row?.holder ?? '')).data;
}

function inUse(row: LeaseRow | undefined): EcolinkError {
  const holder = holderOf(row);
  const who = holder
    ? `${holder.address}, on the host ${holder.host} with pid ${holder.pid}, since ${holder.since}`
    : 'it does not say which';
  return fail('database_in_use', `Another EcoLink server uses this database: ${who}.`, {
    nextStep: 'Use that server, stop it first, or give this one another database in DATABASE_URL.',
  });
}
