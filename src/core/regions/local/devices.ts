import { join } from 'node:path';
import type { LocalRegionConfig } from '../../config/local-region.ts';
import { fail } from '../../base/errors.ts';
import type { EcolinkError } from '../../base/errors.ts';
import { namesIn, numbersIn } from './names-in.ts';
import { noteOf } from './recorded-process.ts';
import type { Note } from './recorded-process.ts';

/** The accelerators that one replica needs for itself. */
export interface DeviceRequest {
  accelerator: string;
  count: number;
}

export interface TakenDevices {
  environment: Record<string, string>;
  note: Note;
}

/** The name of a replica's devices in its record. */
const noteName = 'devices';

/**
 * Gives every replica accelerators of its own. Engines take what CUDA_VISIBLE_DEVICES names, and most take all of it. What
 * replicas of earlier servers have stands in their records.
 */
export class DevicePool {
  readonly #accelerators: LocalRegionConfig['accelerators'];
  readonly #folder: string;
  readonly #taken = new Map<string, readonly string[]>();
  #loading: Promise<void> | undefined;

  /** `folder`: of the instances. */
  constructor(accelerators: LocalRegionConfig['accelerators'], folder: string) {
    this.#accelerators = accelerators;
    this.#folder = folder;
  }

  /** Whether the configuration names the devices. Else every engine sees all of them. */
  get isManaged(): boolean {
    return this.#accelerators.some(({ devices }) => devices !== undefined);
  }

  /**
   * The variables that show a replica its devices and no others, and what its record keeps of them. Throws
   * `no_accelerator_free`.
   */
  async take(replica: string, request: DeviceRequest | undefined): Promise<TakenDevices> {
    if (!this.isManaged) return { environment: {}, note: {} };
    await this.#load();
    this.#taken.delete(replica);
    const devices = request === undefined ? [] : this.#choose(request);
    this.#taken.set(replica, devices);
    const environment = Object.fromEntries(this.#variables().map((name) => [name, devices.join(',')]));
    return { environment, note: { [noteName]: devices.join(',') } };
  }

  release(replica: string): void {
    this.#taken.delete(replica);
  }

  /** Accelerators whose devices the configuration names, with the number of free ones. */
  async count(): Promise<{ name: string; total: number; free: number }[]> {
    if (this.isManaged) await this.#load();
    return this.#accelerators.flatMap(({ name, devices }) =>
      devices === undefined ? [] : [{ name, total: devices.length, free: this.#free(devices).length }],
    );
  }

  #choose({ accelerator, count }: DeviceRequest): string[] {
    const devices = this.#accelerators.find(({ name }) => name === accelerator)?.devices ?? [];
    const free = this.#free(devices);
    if (free.length >= count) return free.slice(0, count);
    throw noneFree(accelerator, count, free.length);
  }

  #free(devices: readonly string[]): string[] {
    const taken = new Set([...this.#taken.values()].flat());
    return devices.filter((device) => !taken.has(device));
  }

  #variables(): string[] {
    return [...new Set(this.#accelerators.map(({ devices_variable: name }) => name))];
  }

  /** Once: from then on this object knows of every start and end. */
  #load(): Promise<void> {
    return (this.#loading ??= this.#readRecords());
  }

  async #readRecords(): Promise<void> {
    for (const instance of await numbersIn(this.#folder)) {
      for (const ordinal of await numbersIn(join(this.#folder, String(instance)))) {
        const place = join(this.#folder, String(instance), String(ordinal));
        if (!(await namesIn(place)).includes('process.json')) continue;
        const devices = (await noteOf(join(place, 'process.json')))?.[noteName];
        const replica = `${instance}-${ordinal}`;
        if (devices !== undefined && !this.#taken.has(replica))
          this.#taken.set(replica, String(devices).split(',').filter(Boolean));
      }
    }
  }
}

function noneFree(accelerator: string, count: number, free: number): EcolinkError {
  return fail('no_accelerator_free', `The replica needs ${count} × ${accelerator}. ${free} are free.`, {
    nextStep: 'Stop another instance. The replica starts by itself when there are enough.',
    retryable: true,
  });
}
