import { mkdirSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import type { FilesystemConfig } from '../../config/schema.ts';
import { notFound, unavailable } from '../../errors.ts';
import { digestOf } from '../../ids.ts';
import type { Log } from '../../log.ts';
import { findCommand } from '../../runtimes/built-in.ts';
import { fillIn } from '../../runtimes/runtime.ts';
import type { Runtime } from '../../runtimes/runtime.ts';
import { mountPath } from '../filesystems.ts';
import type { ModelLocation, Region, RegionStatus, Workload } from '../region.ts';
import { listInside, readHeadInside, readInside } from './folders.ts';
import type { ReplicaSpec } from './replica.ts';
import { LocalVolumes } from './volumes.ts';
import { LocalWorkloads } from './workloads.ts';

export interface LocalRegionParts {
  name: string;
  path: string;
  filesystems: readonly FilesystemConfig[];
  runtimes: () => readonly Runtime[];
  environment: Record<string, string>;
  log: Log;
  workloadChanged: (instance: number) => void;
  volumeChanged: (key: string) => void;
}

/** This machine as a region: volumes are folders, replicas are child processes. */
export class LocalRegion implements Region {
  readonly kind = 'local';
  readonly name: string;
  readonly #parts: LocalRegionParts;
  readonly #volumes: LocalVolumes;
  readonly #workloads: LocalWorkloads;

  constructor(parts: LocalRegionParts) {
    this.name = parts.name;
    this.#parts = parts;
    mkdirSync(parts.path, { recursive: true, mode: 0o700 });
    this.#volumes = new LocalVolumes({
      folder: join(parts.path, 'volumes'),
      environment: parts.environment,
      changed: parts.volumeChanged,
    });
    this.#workloads = new LocalWorkloads({
      folder: join(parts.path, 'instances'),
      log: parts.log,
      specOf: (workload) => this.#specOf(workload),
      changed: parts.workloadChanged,
    });
  }

  async status(): Promise<RegionStatus> {
    await mkdir(this.#parts.path, { recursive: true });
    const { bavail, blocks, bsize } = await statfs(this.#parts.path);
    return {
      reachable: true,
      version: `${platform()} ${arch()}`,
      storage: { free: bavail * bsize, total: blocks * bsize },
    };
  }

  observeVolume = (key: string) => this.#volumes.observe(key);
  startDownload: Region['startDownload'] = (key, manifest, attempt, token) =>
    this.#volumes.start(key, manifest, attempt, token);
  stopDownload = (key: string) => this.#volumes.stop(key);
  verifyVolume = (key: string) => this.#volumes.verify(key);
  remains = async () => undefined;
  outOfReach = async () => undefined;
  keptOf = async () => new Set<string>();
  deleteVolume = (key: string) => this.#volumes.delete(key);

  async filesystems() {
    const filesystems = this.#parts.filesystems.map((each) => ({
      name: each.name,
      mountPath: mountPath(each),
      state: 'usable' as const,
    }));
    return { filesystems };
  }

  async listFolder(filesystem: string, subfolder: string) {
    return listInside(this.#root(filesystem), subfolder);
  }

  async readFile(filesystem: string, path: string, maximumBytes: number) {
    return readInside(this.#root(filesystem), path, maximumBytes);
  }

  async readHead(filesystem: string, path: string, bytes: number) {
    return readHeadInside(this.#root(filesystem), path, bytes);
  }

  observeWorkload = (instance: number) => this.#workloads.observe(instance);
  applyWorkload = (workload: Workload) => this.#workloads.apply(workload);
  removeWorkload = (instance: number) => this.#workloads.remove(instance);
  eraseWorkload = (instance: number) => this.#workloads.erase(instance);
  logs = (instance: number, lines: number) => this.#workloads.logs(instance, lines);
  listWorkloads = () => this.#workloads.list();
  close = () => this.#workloads.close();

  async endAll() {
    await Promise.all([this.#workloads.endAll(), this.#volumes.stopAll()]);
  }

  #root(filesystem: string): string {
    const found = this.#parts.filesystems.find((each) => each.name === filesystem);
    if (found?.path !== undefined) return found.path;
    throw notFound('filesystem_not_found', `The region ${this.name} has no filesystem "${filesystem}".`, {
      nextStep: 'Add it under "filesystems" in ecolink.yaml, or use another entry.',
    });
  }

  #pathOf(location: ModelLocation): string {
    const folder =
      location.kind === 'volume'
        ? this.#volumes.tree(location.volume)
        : join(this.#root(location.filesystem), location.subfolder);
    return location.file === undefined ? folder : join(folder, location.file);
  }

  #specOf(workload: Workload): ReplicaSpec {
    const runtime = this.#parts.runtimes().find((each) => each.name === workload.runtime);
    if (!runtime) {
      throw unavailable('runtime_gone', `The runtime "${workload.runtime}" is not configured any more.`, {
        nextStep: 'Put it back under "runtimes" in ecolink.yaml, or launch anew with another runtime.',
        retryable: false,
      });
    }
    const [name, ...words] = runtime.command as [string, ...string[]];
    const command = findCommand(name, this.#parts.environment['PATH']);
    if (command === undefined) {
      throw unavailable(
        'command_not_found',
        `The runtime "${runtime.name}" runs "${name}", which is not installed here.`,
        {
          nextStep: `Install ${name}, or correct the runtime's command in ecolink.yaml.`,
          retryable: false,
        },
      );
    }
    const filled = { model_path: this.#pathOf(workload.location), served_name: workload.servedName, host: '127.0.0.1' };
    const environment = { ...this.#parts.environment, ...offline, ...runtime.environment };
    const given = [...words, ...workload.arguments];
    return {
      hash: digestOf({ command, given, filled, environment: runtime.environment, generation: workload.generation }),
      command,
      arguments: (port) => fillIn(given, { ...filled, port: String(port) }),
      environment,
      health: runtime.health,
      graceMs: 10_000,
    };
  }
}

/** Engines take the files they are given and fetch nothing. */
const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };
