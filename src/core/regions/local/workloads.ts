import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import type { ObservedReplica, Workload } from '../../region/region.ts';
import { lastLines } from './last-lines.ts';
import { Replica } from './replica.ts';
import type { ReplicaSpec } from './replica.ts';

const unsettledMs = 200;
const settledMs = 2000;
const pauseMs = 20;

interface Held {
  workload: Workload | undefined;
  spec: ReplicaSpec | undefined;
  replicas: Map<number, Replica>;
  timer: NodeJS.Timeout | undefined;
  running: Promise<void> | undefined;
  again: boolean;
  last: string;
}

interface Deps {
  folder: string;
  log: Log;
  /** Everything that a replica of this workload is started from. Throws where it cannot be started at all. */
  specOf: (workload: Workload) => ReplicaSpec;
  /** Something about the instance looks different now. */
  changed: (instance: number) => void;
}

/** Keeps as many replicas of each workload running as are wanted, and remembers nothing that the disk does not know. */
export class LocalWorkloads {
  readonly #deps: Deps;
  readonly #held = new Map<number, Held>();
  #closed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async apply(workload: Workload): Promise<void> {
    const spec = this.#deps.specOf(workload);
    const held = await this.#hold(workload.instance);
    const same = held.spec?.hash === spec.hash && held.workload?.replicas === workload.replicas;
    held.workload = workload;
    held.spec = spec;
    if (!same) this.#kick(workload.instance);
  }

  async remove(instance: number): Promise<void> {
    const held = await this.#hold(instance);
    const had = held.workload !== undefined || held.replicas.size > 0;
    held.workload = undefined;
    held.spec = undefined;
    if (had) this.#kick(instance);
    else this.#drop(instance);
  }

  async observe(instance: number): Promise<ObservedReplica[]> {
    const held = this.#held.get(instance);
    if (held) return [...held.replicas.values()].map((replica) => this.#seen(held, replica));
    const ordinals = await this.#recorded(instance);
    return ordinals.map((ordinal) => ({ id: `${instance}-${ordinal}`, state: 'starting', restarts: 0 }));
  }

  /** Forgets an instance for good, its logs included. Nothing of it may be running. */
  async erase(instance: number): Promise<void> {
    this.#drop(instance);
    await rm(this.#folderOf(instance), { recursive: true, force: true });
  }

  async list(): Promise<number[]> {
    const names = await readdir(this.#deps.folder).catch(() => [] as string[]);
    return names.filter((name) => /^\d+$/.test(name)).map(Number);
  }

  async logs(instance: number, lines: number): Promise<string[]> {
    const ordinals = await this.#ordinals(instance);
    const all = await Promise.all(
      ordinals.map(async (ordinal) => {
        const text = await lastLines(join(this.#folderOf(instance), String(ordinal), 'engine.log'), lines);
        return ordinals.length > 1 ? text.map((line) => `[${ordinal}] ${line}`) : text;
      }),
    );
    return all.flat();
  }

  /** Ends every replica, those of an earlier server that nobody asked about yet too, and waits until nothing of any is left. */
  async endAll(): Promise<void> {
    await Promise.all(
      (await this.list()).map(async (instance) => {
        await this.remove(instance);
        while (this.#held.has(instance)) await (this.#held.get(instance)?.running ?? delay(pauseMs));
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const held of this.#held.values()) clearTimeout(held.timer);
    await Promise.all([...this.#held.values()].flatMap((held) => held.running ?? []));
  }

  #seen(held: Held, replica: Replica): ObservedReplica {
    const seen = replica.observe(held.spec?.hash);
    return held.workload === undefined ? { ...seen, state: 'stopping' } : seen;
  }

  #folderOf(instance: number): string {
    return join(this.#deps.folder, String(instance));
  }

  async #ordinals(instance: number): Promise<number[]> {
    const names = await readdir(this.#folderOf(instance)).catch(() => [] as string[]);
    return names
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  /** Ordinals that a process was recorded for, whoever started it. */
  async #recorded(instance: number): Promise<number[]> {
    const found = await Promise.all(
      (await this.#ordinals(instance)).map(async (ordinal) => {
        const names = await readdir(join(this.#folderOf(instance), String(ordinal))).catch(() => [] as string[]);
        return names.includes('process.json') ? [ordinal] : [];
      }),
    );
    return found.flat();
  }

  async #hold(instance: number): Promise<Held> {
    const known = this.#held.get(instance);
    if (known) return known;
    const recorded = await this.#recorded(instance);
    const already = this.#held.get(instance);
    if (already) return already;
    const held: Held = {
      workload: undefined,
      spec: undefined,
      replicas: new Map(),
      timer: undefined,
      running: undefined,
      again: false,
      last: '',
    };
    this.#held.set(instance, held);
    for (const ordinal of recorded) this.#replica(instance, held, ordinal);
    return held;
  }

  #replica(instance: number, held: Held, ordinal: number): Replica {
    const known = held.replicas.get(ordinal);
    if (known) return known;
    const id = `${instance}-${ordinal}`;
    const folder = join(this.#folderOf(instance), String(ordinal));
    const replica = new Replica(id, folder, this.#deps.log, {
      exited: () => this.#kick(instance),
      ending: () => this.#deps.changed(instance),
    });
    held.replicas.set(ordinal, replica);
    return replica;
  }

  #drop(instance: number): void {
    clearTimeout(this.#held.get(instance)?.timer);
    this.#held.delete(instance);
  }

  /** Runs a step now, or once more right after the one that is running. */
  #kick(instance: number): void {
    const held = this.#held.get(instance);
    if (!held || this.#closed) return;
    clearTimeout(held.timer);
    if (held.running) {
      held.again = true;
      return;
    }
    held.running = this.#step(instance, held)
      .catch((thrown: unknown) => this.#deps.log.error({ err: thrown, instance }, 'replicas could not be looked after'))
      .finally(() => {
        held.running = undefined;
        this.#next(instance, held);
      });
  }

  #next(instance: number, held: Held): void {
    if (this.#held.get(instance) !== held || this.#closed) return;
    if (held.again) {
      held.again = false;
      this.#kick(instance);
      return;
    }
    const settled = [...held.replicas.values()].every((replica) => replica.ready);
    held.timer = setTimeout(() => this.#kick(instance), settled && held.workload ? settledMs : unsettledMs);
    held.timer.unref();
  }

  async #step(instance: number, held: Held): Promise<void> {
    const wanted = held.workload?.replicas ?? 0;
    for (let ordinal = 0; ordinal < wanted; ordinal++) this.#replica(instance, held, ordinal);
    await Promise.all(
      [...held.replicas].map(async ([ordinal, replica]) => {
        const others = [...held.replicas].filter(([other]) => other !== ordinal && other < wanted);
        const outcome = await replica.step(ordinal < wanted ? held.spec : undefined, () =>
          others.every(([, other]) => other.ready),
        );
        if (outcome === 'gone') held.replicas.delete(ordinal);
      }),
    );
    const seen = JSON.stringify([...held.replicas.values()].map((replica) => this.#seen(held, replica)));
    const changed = seen !== held.last;
    held.last = seen;
    if (wanted === 0 && held.replicas.size === 0) this.#drop(instance);
    if (changed) this.#deps.changed(instance);
  }
}
