import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesClient } from './client.ts';
import type { Held, Kind, Live } from './kinds.ts';

interface Options {
  client: KubernetesClient;
  kind: Kind;
  labelSelector: string;
  /** What an object belongs to: `of` answers with all that belong to the same. */
  ownerOf: (object: Held) => string | undefined;
  /** Drops what nobody reads: there may be thousands. */
  slim?: (object: Held) => void;
  /** Handed every object that changed or went. May not throw. */
  changed: (object: Held) => void;
}

/** A watch that says nothing at all for so long is dead: bookmarks come about once a minute. */
const silenceMs = 150_000;
const shortestWatchMs = 1000;
const firstPauseMs = 200;
const longestPauseMs = 30_000;

/**
 * The objects of one kind that are ours, kept by a list and a watch behind it from the first read on. While the watch is broken reading lists
 * anew, and throws what the server answers: nothing is read from a memory that nobody keeps up. No error ends it.
 */
export class Mirror<T> {
  readonly #options: Options;
  readonly #stop = new AbortController();
  #objects = new Map<string, Live<T>>();
  readonly #owned = new Map<string, Map<string, Live<T>>>();
  /** Deleted by us, still to be heard of as gone. */
  readonly #forgotten = new Set<string>();
  /** What was put while a list was under way: the list may be older. */
  #meanwhile: Map<string, Live<T>> | undefined;
  #kept = false;
  #pause = new AbortController();
  #listing: Promise<string> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  async all(): Promise<Live<T>[]> {
    await this.#keepUp();
    return [...this.#objects.values()];
  }

  async of(owner: string): Promise<Live<T>[]> {
    await this.#keepUp();
    return [...(this.#owned.get(owner)?.values() ?? [])];
  }

  async get(name: string): Promise<Live<T> | undefined> {
    await this.#keepUp();
    return this.#objects.get(name);
  }

  /** What a write answered with counts at once; an older event that comes after does not. */
  put(object: Live<T>): void {
    const { name, resourceVersion } = object.metadata;
    const known = this.#objects.get(name);
    if (known?.metadata.uid === object.metadata.uid && isOlder(resourceVersion, known.metadata.resourceVersion)) return;
    if (this.#forgotten.has(object.metadata.uid)) return;
    this.#lighten(object);
    this.#set(object);
    this.#meanwhile?.set(name, object);
  }

  /** What was deleted is gone at once for whoever reads. */
  forget(object: Held): void {
    this.#forgotten.add(object.metadata.uid);
    this.#remove(object);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #keepUp(): Promise<void> {
    this.#running ??= this.#run();
    if (this.#kept) return;
    await this.#list();
    // It answers again: there is nothing left to wait for.
    this.#pause.abort();
  }

  async #run(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!this.#stop.signal.aborted) {
      try {
        const version = await this.#list();
        this.#kept = true;
        pauseMs = firstPauseMs;
        await this.#follow(version);
      } catch {
        // Whoever reads meets the error: all are asked to, once. Here it only means: later.
        const first = this.#kept;
        this.#kept = false;
        if (first) for (const object of this.#objects.values()) this.#tell(object);
        this.#pause = new AbortController();
        const signal = AbortSignal.any([this.#stop.signal, this.#pause.signal]);
        await delay(pauseMs, undefined, { signal, ref: false }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  }

  /** One list at a time, shared by all who wait for it. Answers with its version. */
  #list(): Promise<string> {
    this.#listing ??= this.#listAnew().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #listAnew(): Promise<string> {
    const { client, kind, labelSelector } = this.#options;
    this.#meanwhile = new Map();
    const { items, version } = await client.list<T>(kind, labelSelector);
    for (const item of items) this.#lighten(item);
    const before = this.#objects;
    const uids = new Set(items.map((item) => item.metadata.uid));
    for (const uid of this.#forgotten) if (!uids.has(uid)) this.#forgotten.delete(uid);
    this.#objects = new Map();
    this.#owned.clear();
    for (const item of items) if (!this.#forgotten.has(item.metadata.uid)) this.#set(item);
    for (const object of this.#meanwhile.values()) if (!this.#isListed(object)) this.put(object);
    this.#meanwhile = undefined;
    for (const item of items) {
      if (before.get(item.metadata.name)?.metadata.resourceVersion !== item.metadata.resourceVersion) this.#tell(item);
    }
    for (const [name, item] of before) if (!this.#objects.has(name)) this.#tell(item);
    return version;
  }

  /** True if the list has the same object in a version that is not known to be older. */
  #isListed({ metadata }: Live<T>): boolean {
    const listed = this.#objects.get(metadata.name)?.metadata;
    return listed?.uid === metadata.uid && !isOlder(listed.resourceVersion, metadata.resourceVersion);
  }

  async #follow(from: string): Promise<void> {
    let version = from;
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      const silence = new AbortController();
      const timer = setTimeout(() => silence.abort(), silenceMs);
      timer.unref();
      try {
        const { client, kind, labelSelector } = this.#options;
        const signal = AbortSignal.any([this.#stop.signal, silence.signal]);
        for await (const event of client.watch(kind, labelSelector, version, signal)) {
          timer.refresh();
          // An old version, or an end that the server words: a list says how things are.
          if (event.type === 'ERROR') throw new Error(event.object.message ?? 'watch ended');
          version = event.object.metadata.resourceVersion;
          this.#take(event.type, event.object as Live<T>);
        }
      } finally {
        clearTimeout(timer);
      }
      // One that ends as soon as it begins would be asked for without a pause.
      if (performance.now() - began < shortestWatchMs) throw new Error('watch ended at once');
    }
  }

  #lighten(object: Live<T>): void {
    // Who wrote which field: a third of every object, and nobody here asks.
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    this.#options.slim?.(object);
  }

  #set(object: Live<T>): void {
    const before = this.#objects.get(object.metadata.name);
    if (before) this.#remove(before);
    this.#objects.set(object.metadata.name, object);
    const owner = this.#options.ownerOf(object);
    if (owner === undefined) return;
    const owned = this.#owned.get(owner);
    if (owned) owned.set(object.metadata.name, object);
    else this.#owned.set(owner, new Map([[object.metadata.name, object]]));
  }

  #remove({ metadata }: Held): void {
    const known = this.#objects.get(metadata.name);
    if (known?.metadata.uid !== metadata.uid) return;
    this.#objects.delete(metadata.name);
    const owner = this.#options.ownerOf(known) ?? '';
    const owned = this.#owned.get(owner);
    owned?.delete(metadata.name);
    if (owned?.size === 0) this.#owned.delete(owner);
  }

  #take(type: string, object: Live<T>): void {
    if (type === 'BOOKMARK') return;
    if (type === 'DELETED') {
      this.#forgotten.delete(object.metadata.uid);
      this.#remove(object);
    } else this.put(object);
    this.#tell(object);
  }

  #tell(object: Held): void {
    try {
      this.#options.changed(object);
    } catch {
      // A hint that could not be passed on is no reason to stop watching.
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
