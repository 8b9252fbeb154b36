import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { ObservedReplica, Workload } from '../../region/region.ts';
import { lastLines } from './last-lines.ts';
import type { DevicePool } from './devices.ts';
import type { Sealer } from '../../secrets/sealer.ts';
import { engineKeyOf } from './engine-key.ts';
import { namesIn, numbersIn } from './names-in.ts';
import { noteOf } from './recorded-process.ts';
import { Replica, urlOf } from './replica.ts';
import type { ReplicaSpec } from './replica.ts';

const unsettledMs = 200;
const settledMs = 2000;
const endPollMs = 20;

/** An instance whose replicas this object looks after. */
interface ManagedInstance {
  /** Undefined: its replicas are being ended. */
  workload: Workload | undefined;
  spec: ReplicaSpec | undefined;
  replicas: Map<number, Replica>;
  timer: Disposable | undefined;
  running: Promise<void> | undefined;
  /** A step was asked for while one was running. */
  again: boolean;
  /** The replicas as they were after the last step, as JSON. */
  last: string;
}

interface LocalWorkloadsDeps {
  folder: string;
  log: Log;
  clock: Clock;
  /** Seals the keys of engines. Undefined: engines get no keys. */
  sealer?: Sealer | undefined;
  /** Undefined: engines see every accelerator. */
  devices?: DevicePool | undefined;
  /** How to start a replica of this workload. Throws if it cannot be started at all. */
  specOf: (workload: Workload) => ReplicaSpec;
  /** The instance looks different now. */
  changed: (instance: number) => void;
}

/** Keeps the wanted number of replicas of each workload running. All lasting state is on disk. */
export class LocalWorkloads {
  readonly #deps: LocalWorkloadsDeps;
  readonly #managed = new Map<number, ManagedInstance>();
  #closed = false;

  constructor(deps: LocalWorkloadsDeps) {
    this.#deps = deps;
  }

  async apply(workload: Workload): Promise<void> {
    const spec = this.#deps.specOf(workload);
    const managed = await this.#manage(workload.instance);
    const same = managed.spec?.hash === spec.hash && managed.workload?.replicas === workload.replicas;
    managed.workload = workload;
    managed.spec = spec;
    if (!same) this.#stepNow(workload.instance);
  }

  async remove(instance: number): Promise<void> {
    const managed = await this.#manage(instance);
    const hadAny = managed.workload !== undefined || managed.replicas.size > 0;
    managed.workload = undefined;
    managed.spec = undefined;
    if (hadAny) this.#stepNow(instance);
    else this.#forget(instance);
  }

  async observe(instance: number): Promise<ObservedReplica[]> {
    const managed = this.#managed.get(instance);
    if (managed) return [...managed.replicas.values()].map((replica) => observeReplica(managed, replica));
    const ordinals = await this.#recorded(instance);
    return ordinals.map((ordinal) => ({ id: `${instance}-${ordinal}`, state: 'starting', restarts: 0 }));
  }

  /** Deletes all data of an instance, logs included. None of its processes may be running. */
  async erase(instance: number): Promise<void> {
    this.#forget(instance);
    await rm(this.#folderOf(instance), { recursive: true, force: true });
  }

  list(): Promise<number[]> {
    return numbersIn(this.#deps.folder);
  }

  async logs(instance: number, lines: number): Promise<string[]> {
    const ordinals = await numbersIn(this.#folderOf(instance));
    const keys = (await this.#recordedKeys(instance)).flatMap(({ key }) => key ?? []);
    const all = await Promise.all(
      ordinals.map(async (ordinal) => {
        const text = await lastLines(join(this.#folderOf(instance), String(ordinal), 'engine.log'), lines);
        return ordinals.length > 1 ? text.map((line) => `[${ordinal}] ${line}`) : text;
      }),
    );
    // An engine may print its environment.
    return all.flat().map((line) => keys.reduce((text, key) => text.replaceAll(key, '[key]'), line));
  }

  /**
   * The key of a replica. It is read from the replica's record if this server has not looked after the instance yet: calls go
   * on while it starts.
   */
  async keyOf(instance: number, url: string): Promise<string | undefined> {
    const known = [...(this.#managed.get(instance)?.replicas.values() ?? [])].find((replica) => replica.hasUrl(url));
    if (known) return known.key;
    return (await this.#recordedKeys(instance)).find((each) => each.url === url)?.key;
  }

  async #recordedKeys(instance: number): Promise<{ url: string; key: string | undefined }[]> {
    const { sealer } = this.#deps;
    if (!sealer) return [];
    const ordinals = await numbersIn(this.#folderOf(instance));
    return Promise.all(
      ordinals.map(async (ordinal) => {
        const note = await noteOf(join(this.#folderOf(instance), String(ordinal), 'process.json'));
        const { key } = engineKeyOf(note, sealer, `${instance}-${ordinal}`);
        return { url: urlOf(Number(note?.['port'])), key };
      }),
    );
  }

  /** Ends every replica, those of an earlier server included, and waits until no process is left. */
  async endAll(): Promise<void> {
    await Promise.all(
      (await this.list()).map(async (instance) => {
        await this.remove(instance);
        while (this.#managed.has(instance))
          await (this.#managed.get(instance)?.running ?? this.#deps.clock.sleep(endPollMs));
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const managed of this.#managed.values()) managed.timer?.[Symbol.dispose]();
    await Promise.all([...this.#managed.values()].flatMap((managed) => managed.running ?? []));
  }

  #folderOf(instance: number): string {
    return join(this.#deps.folder, String(instance));
  }

  /** Ordinals with a recorded process, whichever server started it. */
  async #recorded(instance: number): Promise<number[]> {
    const found = await Promise.all(
      (await numbersIn(this.#folderOf(instance))).map(async (ordinal) => {
        const names = await namesIn(join(this.#folderOf(instance), String(ordinal)));
        return names.includes('process.json') ? [ordinal] : [];
      }),
    );
    return found.flat();
  }

  async #manage(instance: number): Promise<ManagedInstance> {
    const known = this.#managed.get(instance);
    if (known) return known;
    const recorded = await this.#recorded(instance);
    // Another call may have come first while the folder was read.
    const other = this.#managed.get(instance);
    if (other) return other;
    const managed: ManagedInstance = {
      workload: undefined,
      spec: undefined,
      replicas: new Map(),
      timer: undefined,
      running: undefined,
      again: false,
      last: '',
    };
    this.#managed.set(instance, managed);
    for (const ordinal of recorded) this.#addReplica(instance, managed, ordinal);
    return managed;
  }

  #addReplica(instance: number, managed: ManagedInstance, ordinal: number): void {
    if (managed.replicas.has(ordinal)) return;
    const { log, clock, sealer, devices, changed } = this.#deps;
    const replica = new Replica({
      id: `${instance}-${ordinal}`,
      folder: join(this.#folderOf(instance), String(ordinal)),
      log,
      clock,
      sealer,
      devices,
      exited: () => this.#stepNow(instance),
      ending: () => changed(instance),
    });
    managed.replicas.set(ordinal, replica);
  }

  #forget(instance: number): void {
    this.#managed.get(instance)?.timer?.[Symbol.dispose]();
    this.#managed.delete(instance);
  }

  /** Runs a step now. If one is running, runs another right after it. */
  #stepNow(instance: number): void {
    const managed = this.#managed.get(instance);
    if (!managed || this.#closed) return;
    managed.timer?.[Symbol.dispose]();
    if (managed.running) {
      managed.again = true;
      return;
    }
    managed.running = this.#step(instance, managed)
      .catch((thrown: unknown) => this.#deps.log.error({ err: thrown, instance }, 'step over replicas failed'))
      .finally(() => {
        managed.running = undefined;
        this.#scheduleNext(instance, managed);
      });
  }

  #scheduleNext(instance: number, managed: ManagedInstance): void {
    if (this.#managed.get(instance) !== managed || this.#closed) return;
    if (managed.again) {
      managed.again = false;
      this.#stepNow(instance);
      return;
    }
    const settled = managed.workload && [...managed.replicas.values()].every((replica) => replica.ready);
    managed.timer = this.#deps.clock.after(settled ? settledMs : unsettledMs, () => this.#stepNow(instance));
  }

  async #step(instance: number, managed: ManagedInstance): Promise<void> {
    const wanted = managed.workload?.replicas ?? 0;
    for (let ordinal = 0; ordinal < wanted; ordinal++) this.#addReplica(instance, managed, ordinal);
    await Promise.all(
      [...managed.replicas].map(async ([ordinal, replica]) => {
        const others = [...managed.replicas].filter(([other]) => other !== ordinal && other < wanted);
        const outcome = await replica.step(ordinal < wanted ? managed.spec : undefined, () =>
          others.every(([, other]) => other.ready),
        );
        if (outcome === 'gone') managed.replicas.delete(ordinal);
      }),
    );
    const observed = JSON.stringify([...managed.replicas.values()].map((each) => observeReplica(managed, each)));
    const changed = observed !== managed.last;
    managed.last = observed;
    if (wanted === 0 && managed.replicas.size === 0) this.#forget(instance);
    if (changed) this.#deps.changed(instance);
  }
}

function observeReplica(managed: ManagedInstance, replica: Replica): ObservedReplica {
  const observed = replica.observe(managed.spec?.hash);
  return managed.workload === undefined ? { ...observed, state: 'stopping' } : observed;
}
