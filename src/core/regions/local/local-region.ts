import { mkdirSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import type { LocalRegionConfig } from '../../config/local-region.ts';
import { fail } from '../../base/errors.ts';
import { digestOf } from '../../base/ids.ts';
import { findCommand } from '../../runtimes/built-in.ts';
import { fillIn } from '../../runtimes/runtime.ts';
import type { RegionCapabilities } from '../../region/capabilities.ts';
import type { RegionDeps } from '../../region/kind.ts';
import { mountPath } from '../../region/filesystems.ts';
import type { ModelLocation, Region, RegionStatus, Workload } from '../../region/region.ts';
import { listInside, readHeadInside, readInside } from './folders.ts';
import type { ReplicaSpec } from './replica.ts';
import { LocalVolumes } from './volumes.ts';
import { LocalWorkloads } from './workloads.ts';

export interface LocalRegionDeps extends RegionDeps {
  config: LocalRegionConfig;
  capabilities: RegionCapabilities;
}

/** This machine as a region: volumes are folders, replicas are child processes. */
export class LocalRegion implements Region {
  readonly kind = 'local';
  readonly name: string;
  readonly capabilities: RegionCapabilities;
  readonly #deps: LocalRegionDeps;
  readonly #path: string;
  readonly #volumes: LocalVolumes;
  readonly #workloads: LocalWorkloads;

  constructor(deps: LocalRegionDeps) {
    const { name, path } = deps.config;
    this.name = name;
    this.capabilities = deps.capabilities;
    this.#deps = deps;
    this.#path = path ?? join(deps.dataDir, 'regions', name);
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    this.#volumes = new LocalVolumes({
      folder: join(this.#path, 'volumes'),
      environment: deps.environment,
      clock: deps.clock,
      newId: deps.newId,
      changed: deps.volumeChanged,
    });
    this.#workloads = new LocalWorkloads({
      folder: join(this.#path, 'instances'),
      log: deps.log,
      clock: deps.clock,
      specOf: (workload) => this.#specOf(workload),
      changed: deps.workloadChanged,
    });
  }

  async status(): Promise<RegionStatus> {
    await mkdir(this.#path, { recursive: true });
    const { bavail, blocks, bsize } = await statfs(this.#path);
    return {
      reachable: true,
      version: `${platform()} ${arch()}`,
      storage: { free: bavail * bsize, total: blocks * bsize },
    };
  }

  observeVolume = (key: string) => this.#volumes.observe(key);
  startDownload: Region['startDownload'] = (key, manifest, attempt, token, _accelerators, donors) =>
    this.#volumes.start(key, manifest, attempt, token, donors);
  stopDownload = (key: string) => this.#volumes.stop(key);
  verifyVolume = (key: string) => this.#volumes.verify(key);
  storageOf: Region['storageOf'] = (keys) => this.#volumes.storageOf(keys);
  remains = async () => undefined;
  outOfReach = async () => undefined;
  keptOf = async () => new Set<string>();
  deleteVolume = (key: string) => this.#volumes.delete(key);

  async filesystems() {
    const filesystems = this.#deps.filesystems.map((each) => ({
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
    const found = this.#deps.filesystems.find((each) => each.name === filesystem);
    if (found?.path !== undefined) return found.path;
    throw fail('filesystem_not_found', `The region ${this.name} has no filesystem "${filesystem}".`, {
      nextStep: 'Add it under "filesystems" in ecolink.yaml, or use another model.',
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
    const runtime = this.#deps.runtimes().find((each) => each.name === workload.runtime);
    if (!runtime) {
      throw fail('runtime_gone', `The runtime "${workload.runtime}" is no longer configured.`, {
        nextStep: 'Put it back under "runtimes" in ecolink.yaml, or launch the model with another runtime.',
        retryable: false,
      });
    }
    const [name = '', ...args] = runtime.command ?? [];
    const command = findCommand(name, this.#deps.environment['PATH']);
    if (command === undefined) {
      throw fail('command_not_found', `The runtime "${runtime.name}" runs "${name}", which is not installed here.`, {
        nextStep: `Install ${name}, or correct the runtime's command in ecolink.yaml.`,
        retryable: false,
      });
    }
    const values = { model_path: this.#pathOf(workload.location), served_name: workload.servedName, host: '127.0.0.1' };
    const given = [...args, ...workload.arguments];
    const { environment } = runtime;
    return {
      // The keys are those of earlier versions: a replica with another hash is restarted.
      hash: digestOf({ command, given, filled: values, environment, generation: workload.generation }),
      command,
      arguments: (port) => fillIn(given, { ...values, port: String(port) }),
      environment: { ...this.#deps.environment, ...offline, ...environment },
      health: runtime.health,
      graceMs: 10_000,
    };
  }
}

/** Engines must use the files that EcoLink gives them and download nothing. */
const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };
