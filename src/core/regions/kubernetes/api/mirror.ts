import type { Clock } from '../../../base/clock.ts';
import type { KubernetesClient } from './client.ts';
import type { ApiObject, Kind, LiveOf } from './kinds.ts';

interface MirrorOptions<K extends Kind> {
  client: KubernetesClient;
  clock: Clock;
  kind: K;
  labelSelector: string;
  /** What an object belongs to: `of` returns all objects of one owner. */
  ownerOf: (object: ApiObject) => string | undefined;
  /** Drops fields that nobody reads. There may be thousands of objects. */
  trim?: ((object: LiveOf<K>) => void) | undefined;
  /** Called for every object that changed or was deleted. May not throw. */
  changed: (object: ApiObject) => void;
}

/** A watch without any event for this time is dead: bookmarks come about once a minute. */
const silenceMs = 150_000;
const silenceCheckMs = 15_000;
const shortestWatchMs = 1000;
const firstPauseMs = 200;
const longestPauseMs = 30_000;

/**
 * Our objects of one kind, in memory. The first read lists them; a watch then keeps them up to date. While the watch is
 * broken, every read lists again and throws the server's error, so that no decision is made on old data. No error ends
 * a mirror.
 */
export class Mirror<K extends Kind> {
  readonly kind: K;
  readonly #options: MirrorOptions<K>;
  readonly #stop = new AbortController();
  #objects = new Map<string, LiveOf<K>>();
  readonly #owned = new Map<string, Map<string, LiveOf<K>>>();
  /** UIDs of objects that we deleted, until the server confirms it. */
  readonly #forgotten = new Set<string>();
  /** Objects that were put while a list was under way: the list may be older. */
  #putDuringList: Map<string, LiveOf<K>> | undefined;
  #isWatching = false;
  #pause = new AbortController();
  #listing: Promise<string> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: MirrorOptions<K>) {
    this.kind = options.kind;
    this.#options = options;
  }

  async all(): Promise<LiveOf<K>[]> {
    await this.#ensureCurrent();
    return [...this.#objects.values()];
  }

  async of(owner: string): Promise<LiveOf<K>[]> {
    await this.#ensureCurrent();
    return [...(this.#owned.get(owner)?.values() ?? [])];
  }

  async get(name: string): Promise<LiveOf<K> | undefined> {
    await this.#ensureCurrent();
    return this.#objects.get(name);
  }

  /** Stores the answer to a write at once. An older event that comes later does not replace it. */
  put(object: LiveOf<K>): void {
    const { name, uid, resourceVersion } = object.metadata;
    const known = this.#objects.get(name)?.metadata;
    if (known?.uid === uid && isOlder(resourceVersion, known.resourceVersion)) return;
    if (this.#forgotten.has(uid)) return;
    this.#trim(object);
    this.#set(object);
    this.#putDuringList?.set(name, object);
  }

  /** Hides a deleted object from readers at once. */
  forget(object: ApiObject): void {
    this.#forgotten.add(object.metadata.uid);
    this.#remove(object);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #ensureCurrent(): Promise<void> {
    this.#running ??= this.#run();
    if (this.#isWatching) return;
    await this.#list();
    // The server answers again: the watch need not wait longer.
    this.#pause.abort();
  }

  async #run(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!this.#stop.signal.aborted) {
      try {
        const version = await this.#list();
        this.#isWatching = true;
        pauseMs = firstPauseMs;
        await this.#follow(version);
      } catch {
        // Readers get the error, because they list again. All owners are told once, so that they read.
        const wasWatching = this.#isWatching;
        this.#isWatching = false;
        if (wasWatching) for (const object of this.#objects.values()) this.#notify(object);
        this.#pause = new AbortController();
        await this.#options.clock.sleep(pauseMs, AbortSignal.any([this.#stop.signal, this.#pause.signal]));
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  }

  /** Runs one list at a time, shared by all callers. Returns the list's version. */
  #list(): Promise<string> {
    this.#listing ??= this.#listAgain().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #listAgain(): Promise<string> {
    const { client, kind, labelSelector } = this.#options;
    this.#putDuringList = new Map();
    const { items, version } = await client.list(kind, labelSelector);
    for (const item of items) this.#trim(item);
    const before = this.#objects;
    this.#replaceAll(items);
    for (const item of items) {
      if (before.get(item.metadata.name)?.metadata.resourceVersion !== item.metadata.resourceVersion)
        this.#notify(item);
    }
    for (const [name, item] of before) if (!this.#objects.has(name)) this.#notify(item);
    return version;
  }

  #replaceAll(items: readonly LiveOf<K>[]): void {
    const uids = new Set(items.map((item) => item.metadata.uid));
    for (const uid of this.#forgotten) if (!uids.has(uid)) this.#forgotten.delete(uid);
    this.#objects = new Map();
    this.#owned.clear();
    for (const item of items) if (!this.#forgotten.has(item.metadata.uid)) this.#set(item);
    for (const object of this.#putDuringList?.values() ?? []) if (!this.#isListed(object)) this.put(object);
    this.#putDuringList = undefined;
  }

  /** True if the list has the same object in a version that is not known to be older. */
  #isListed({ metadata }: LiveOf<K>): boolean {
    const listed = this.#objects.get(metadata.name)?.metadata;
    return listed?.uid === metadata.uid && !isOlder(listed.resourceVersion, metadata.resourceVersion);
  }

  /** Watches again and again, from where the last watch ended. Throws when only a list helps. */
  async #follow(from: string): Promise<void> {
    const { clock } = this.#options;
    let version = from;
    while (!this.#stop.signal.aborted) {
      const startMs = clock.elapsedMs();
      version = await this.#watch(version);
      // A watch that ends at once would be repeated without a pause.
      if (clock.elapsedMs() - startMs < shortestWatchMs) throw new Error('watch ended at once');
    }
  }

  /** Returns the version of the last event. */
  async #watch(from: string): Promise<string> {
    const { client, clock, kind, labelSelector } = this.#options;
    const silence = new AbortController();
    let version = from;
    let lastEventMs = clock.elapsedMs();
    using _silenceCheck = clock.every(silenceCheckMs, () => {
      if (clock.elapsedMs() - lastEventMs > silenceMs) silence.abort();
    });
    const signal = AbortSignal.any([this.#stop.signal, silence.signal]);
    for await (const event of client.watch(kind, labelSelector, version, signal)) {
      lastEventMs = clock.elapsedMs();
      // The version is too old, or the server ends the watch with an error.
      if (event.type === 'error') throw new Error(event.message);
      version = event.version;
      if (event.type === 'changed') this.put(event.object);
      if (event.type === 'deleted') {
        this.#forgotten.delete(event.object.metadata.uid);
        this.#remove(event.object);
      }
      if (event.type !== 'bookmark') this.#notify(event.object);
    }
    return version;
  }

  #trim(object: LiveOf<K>): void {
    // Nobody reads which client wrote which field, and it is a third of every object.
    delete object.metadata.managedFields;
    this.#options.trim?.(object);
  }

  #set(object: LiveOf<K>): void {
    const { name } = object.metadata;
    const before = this.#objects.get(name);
    if (before) this.#remove(before);
    this.#objects.set(name, object);
    const owner = this.#options.ownerOf(object);
    if (owner === undefined) return;
    const owned = this.#owned.get(owner);
    if (owned) owned.set(name, object);
    else this.#owned.set(owner, new Map([[name, object]]));
  }

  #remove({ metadata }: ApiObject): void {
    const known = this.#objects.get(metadata.name);
    if (known?.metadata.uid !== metadata.uid) return;
    this.#objects.delete(metadata.name);
    const owner = this.#options.ownerOf(known) ?? '';
    const owned = this.#owned.get(owner);
    owned?.delete(metadata.name);
    if (owned?.size === 0) this.#owned.delete(owner);
  }

  #notify(object: ApiObject): void {
    try {
      this.#options.changed(object);
    } catch {
      // A notification is only a hint: its failure must not end the watch.
    }
  }
}

/**
 * Versions are opaque: some servers have no numbers. Only decimal numbers have an order; otherwise neither version is
 * older, and the one that arrives later counts.
 */
function isOlder(version: string, than: string): boolean {
  return decimal.test(version) && decimal.test(than) && BigInt(version) < BigInt(than);
}

const decimal = /^\d+$/;
