import type { KeyObject } from 'node:crypto';
import type { Changes } from '../base/changes.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Caller } from '../base/caller.ts';
import type { LiveConfig } from '../config/live.ts';
import type { FeedNumbers } from './feed-numbers.ts';
import type { Routes } from './routes.ts';
import type { EntryChange, RoutingSource } from './routing-source.ts';
import { createRoutingTable } from './routing-table.ts';
import type { RoutingTable } from './routing-table.ts';
import { signMessage } from './signed-message.ts';
import type { FeedMessage } from './signed-message.ts';

export interface RoutingFeedDeps {
  source: RoutingSource;
  changes: Changes;
  live: Pick<LiveConfig, 'file'>;
  numbers: FeedNumbers;
  /** Identity of the store. */
  storeId: string;
  /** Signs what gateways get. It is made when the first gateway asks. */
  signingKey: () => KeyObject;
  /** Writes the last use of tokens. */
  noteUses: (tokens: readonly string[]) => Promise<void>;
  staleAfterMs: number;
  clock: Clock;
  log: Log;
}

/** How often the feed looks for changes that another process has made, and confirms its state to gateways. */
const lookMs = 500;
/** Everything is read again after this time, in case a change was not told. */
const rereadMs = 60_000;
const noteUsesMs = 60_000;
/** A call waits no longer than this for a state that includes the latest change. The database may hang. */
const longestWaitMs = 1000;
/** Deltas that are kept for gateways that reconnect. A gateway that missed more gets the whole state. */
const mostDeltas = 1000;

/** Keeps the routing table up to date, and tells gateways each change. It starts with its first use. */
export class RoutingFeed implements AsyncDisposable {
  readonly #deps: RoutingFeedDeps;
  readonly #table: RoutingTable;
  readonly #followers = new Set<(line: string) => void>();
  readonly #uses = new Set<string>();
  readonly #instances = new Set<number>();
  readonly #ends = new DisposableStack();
  #deltas: FeedMessage[] = [];
  #number = 0;
  #started = false;
  #loaded = false;
  #access = true;
  #all = true;
  #readAllAt = -Infinity;
  #accessMark = '';
  #file: unknown;
  #refreshing: Promise<void> | undefined;
  #failing = false;
  /** True if the table has changes that no number stands for. */
  #untold = true;
  #complained = false;

  constructor(deps: RoutingFeedDeps) {
    this.#deps = deps;
    this.#table = createRoutingTable(deps);
  }

  /** The routing table, with all that this process has written. While the store is away: the last state. */
  table(): RoutingTable | Promise<RoutingTable> {
    if (!this.#started) this.#start();
    if (this.#deps.live.file() !== this.#file) this.#access = true;
    if (this.#loaded && (this.#failing || (!this.#refreshing && !this.#isDirty()))) return this.#table;
    return this.#settled();
  }

  /** Tokens, people or roles have changed. */
  accessChanged(): void {
    this.#access = true;
    this.#wake();
  }

  /** Sends the lines that bring a gateway with the state `after` up to date, then every change and confirmation. */
  async follow(after: number | undefined, send: (line: string) => void): Promise<Disposable> {
    await this.table();
    for (const message of this.#since(after)) send(this.#sign(message));
    this.#followers.add(send);
    return { [Symbol.dispose]: () => void this.#followers.delete(send) };
  }

  /** The token made a call. Its last use is written later, for many calls at once. */
  noteUse(identity: string): void {
    if (identity.startsWith('token:')) this.#uses.add(identity.slice('token:'.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ends.dispose();
    this.#started = true;
    this.#failing = true;
    await this.#refreshing?.catch(() => {});
    await this.#writeUses();
  }

  #start(): void {
    const { changes, clock } = this.#deps;
    this.#started = true;
    this.#ends.defer(
      changes.subscribe(({ kind, id }) => {
        if (kind !== 'instance') return;
        this.#instances.add(Number(id));
        this.#wake();
      }),
    );
    this.#ends.use(clock.every(lookMs, () => void this.#look()));
    this.#ends.use(clock.every(noteUsesMs, () => void this.#writeUses()));
  }

  #isDirty(): boolean {
    return this.#access || this.#all || this.#instances.size > 0;
  }

  /** Gateways hear of a change at once; a call of this process would find it anyway. */
  #wake(): void {
    if (this.#followers.size > 0) void this.#refresh().catch(() => {});
  }

  async #settled(): Promise<RoutingTable> {
    const refreshed = this.#refresh();
    if (!this.#loaded) await refreshed;
    else await Promise.race([refreshed.catch(() => {}), this.#deps.clock.sleep(longestWaitMs)]);
    return this.#table;
  }

  async #look(): Promise<void> {
    if (this.#refreshing) return;
    if (this.#deps.clock.elapsedMs() - this.#readAllAt > rereadMs) this.#all = true;
    await this.#refresh().catch(() => {});
    this.#confirm();
  }

  /** One at a time. A change during a refresh is read by the next one. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readChanges().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #readChanges(): Promise<void> {
    const { log, clock } = this.#deps;
    try {
      do {
        const at = clock.now().getTime();
        await this.#publish(await this.#changes()).catch((thrown: unknown) => this.#complain(thrown));
        this.#table.confirm(at);
      } while (this.#isDirty());
      if (this.#failing) log.info('the routes of calls are up to date again');
      this.#failing = false;
      this.#loaded = true;
    } catch (thrown) {
      if (!this.#failing) log.warn({ err: thrown }, 'the store cannot be read: calls go on with the routes of before');
      this.#failing = this.#loaded;
      throw thrown;
    }
  }

  #complain(thrown: unknown): void {
    if (!this.#complained)
      this.#deps.log.warn({ err: thrown }, 'gateways do not get new routes: the store is not writable');
    this.#complained = true;
  }

  /** What differs from the table. If it throws, the same is read again. */
  async #changes(): Promise<EntryChange[]> {
    const { source, live, clock } = this.#deps;
    const mark = await source.accessMark();
    const [access, all, instances] = [this.#access || mark !== this.#accessMark, this.#all, [...this.#instances]];
    const file = live.file();
    this.#access = this.#all = false;
    this.#instances.clear();
    try {
      const changes: EntryChange[] = [];
      if (access) changes.push(...this.#complete(['token:', 'person:'], await source.access()));
      if (all) changes.push(...this.#complete(['instance:'], await allOf(source.instances())));
      else for (const id of instances) changes.push(await source.instance(id));
      this.#accessMark = mark;
      this.#file = file;
      if (all) this.#readAllAt = clock.elapsedMs();
      const known = this.#table.entries();
      return changes.filter(([key, json]) => known.get(key) !== json);
    } catch (thrown) {
      this.#access ||= access;
      this.#all ||= all;
      for (const id of instances) this.#instances.add(id);
      throw thrown;
    }
  }

  /** `found` is all there is of these kinds: other entries of them are gone. */
  #complete(kinds: readonly string[], found: readonly EntryChange[]): EntryChange[] {
    const there = new Set(found.map(([key]) => key));
    const known = [...this.#table.entries().keys()].filter((key) => kinds.some((kind) => key.startsWith(kind)));
    return [...found, ...known.flatMap((key): EntryChange[] => (there.has(key) ? [] : [[key, undefined]]))];
  }

  async #publish(changes: readonly EntryChange[]): Promise<void> {
    if (changes.length === 0 && !this.#untold) return;
    for (const [key, json] of changes) {
      if (json === undefined) this.#table.delete(key);
      else this.#table.set(key, json);
    }
    // Without a new number, as on a full disk, this process has the new state and gateways keep theirs.
    const whole = this.#untold;
    this.#untold = true;
    const number = await this.#deps.numbers.next();
    this.#untold = this.#complained = false;
    const delta = this.#message(number, whole ? null : this.#number, whole ? [...this.#table.entries()] : changes);
    this.#number = number;
    this.#deltas = whole ? [] : [...this.#deltas.slice(-mostDeltas + 1), delta];
    this.#tell(delta);
  }

  #confirm(): void {
    if (!this.#failing && this.#loaded && !this.#untold) this.#tell(this.#message(this.#number, this.#number, []));
  }

  #tell(message: FeedMessage): void {
    if (this.#followers.size === 0) return;
    const line = this.#sign(message);
    for (const send of this.#followers) send(line);
  }

  #sign(message: FeedMessage): string {
    return signMessage(message, this.#deps.signingKey());
  }

  #since(after: number | undefined): FeedMessage[] {
    const first = this.#deltas.findIndex((delta) => delta.after === after);
    // The first delta after a start follows nothing that a gateway could have.
    if (after !== undefined && after > 0 && first !== -1) return this.#deltas.slice(first);
    if (after !== undefined && after === this.#number) return [this.#message(after, after, [])];
    return [this.#message(this.#number, null, [...this.#table.entries()])];
  }

  #message(number: number, after: number | null, changes: readonly EntryChange[]): FeedMessage {
    const set: Record<string, string> = {};
    for (const [key, json] of changes) if (json !== undefined) set[key] = json;
    const gone = changes.flatMap(([key, json]) => (json === undefined ? [key] : []));
    const at = new Date(this.#table.confirmedAt() ?? this.#deps.clock.now()).toISOString();
    return { store: this.#deps.storeId, number, after, at, set, delete: gone };
  }

  async #writeUses(): Promise<void> {
    const tokens = [...this.#uses];
    this.#uses.clear();
    if (tokens.length === 0) return;
    await this.#deps.noteUses(tokens).catch((thrown: unknown) => {
      this.#deps.log.warn({ err: thrown }, 'the last use of tokens could not be written');
    });
  }
}

async function allOf(pages: AsyncIterable<EntryChange[]>): Promise<EntryChange[]> {
  const all: EntryChange[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

/** What a gateway asks for every call. */
export interface CallDirectory {
  routes: Routes;
  callerOfToken(token: string, source: Caller['source']): Promise<Caller | undefined>;
}

/** The directory of the server's own gateway. */
export function directoryOf(feed: RoutingFeed): CallDirectory {
  const ask = <T>(question: (table: RoutingTable) => T | Promise<T>): T | Promise<T> => {
    const table = feed.table();
    return table instanceof Promise ? table.then(question) : question(table);
  };
  return {
    routes: {
      find: (id, caller) => ask(({ routes }) => routes.find(id, caller)),
      findById: (id, caller) => ask(({ routes }) => routes.findById(id, caller)),
      list: (caller) => ask(({ routes }) => routes.list(caller)),
    },
    async callerOfToken(token, source) {
      const caller = await ask((table) => table.callerOfToken(token, source));
      if (caller) feed.noteUse(caller.identity);
      return caller;
    },
  };
}
