import { mkdirSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { delimiter, join } from 'node:path';
import type { LocalRegionConfig } from '../../config/local-region.ts';
import { fail } from '../../base/errors.ts';
import { digestOf } from '../../base/ids.ts';
import { findCommand } from '../../runtimes/built-in.ts';
import { fillIn } from '../../runtimes/runtime.ts';
import type { Runtime } from '../../runtimes/runtime.ts';
import type { RegionCapabilities } from '../../region/capabilities.ts';
import type { RegionDeps } from '../../region/kind.ts';
import { digestOfFiles, mountPath } from '../../region/filesystems.ts';
import type { ModelLocation, Region, RegionStatus, Workload } from '../../region/region.ts';
import { DevicePool } from './devices.ts';
import { LocalFilesystem } from './filesystems/local-filesystem.ts';
import type { ReplicaSpec } from './replica.ts';
import { EngineSandbox } from './sandbox/engine-sandbox.ts';
import type { EngineStart } from './sandbox/engine-sandbox.ts';
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
  readonly #filesystems: ReadonlyMap<string, LocalFilesystem>;
  readonly #sandbox: EngineSandbox;
  readonly #devices: DevicePool;

  constructor(deps: LocalRegionDeps) {
    const { name, path } = deps.config;
    this.name = name;
    this.capabilities = deps.capabilities;
    this.#deps = deps;
    this.#path = path ?? join(deps.dataDir, 'regions', name);
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    this.#filesystems = new Map(
      deps.filesystems.flatMap((each) => {
        const { name: filesystem, path: root } = each;
        if (root === undefined) return [];
        const { clock } = deps;
        return [[filesystem, new LocalFilesystem({ name: filesystem, root, mountPath: mountPath(each), clock })]];
      }),
    );
    this.#volumes = new LocalVolumes({
      folder: join(this.#path, 'volumes'),
      environment: deps.environment,
      clock: deps.clock,
      newId: deps.newId,
      changed: deps.volumeChanged,
    });
    this.#sandbox = new EngineSandbox({
      setting: deps.config.sandbox ?? 'auto',
      path: deps.environment['PATH'],
      engineUser: deps.config.engine_user,
      scratchBytes: Math.trunc((deps.config.scratch_gib ?? defaultScratchGib) * 1024 ** 3),
      privatePaths: [deps.dataDir, this.#path, ...deps.privatePaths],
    });
    const instances = join(this.#path, 'instances');
    this.#devices = new DevicePool(deps.config.accelerators, instances);
    this.#workloads = new LocalWorkloads({
      folder: instances,
      devices: this.#devices,
      log: deps.log,
      clock: deps.clock,
      sealer: deps.sealer,
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
      accelerators: await this.#devices.count(),
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
    return { filesystems: await Promise.all([...this.#filesystems.values()].map((each) => each.look())) };
  }

  async listFolder(filesystem: string, subfolder: string) {
    return this.#filesystem(filesystem).list(subfolder);
  }

  async readFile(filesystem: string, path: string, maximumBytes: number) {
    return this.#filesystem(filesystem).read(path, maximumBytes);
  }

  async readHead(filesystem: string, path: string, bytes: number) {
    return this.#filesystem(filesystem).head(path, bytes);
  }

  async markFiles(filesystem: string, subfolder: string, paths: readonly string[]) {
    return this.#filesystem(filesystem).mark(subfolder, paths);
  }

  observeWorkload = (instance: number) => this.#workloads.observe(instance);
  applyWorkload = (workload: Workload) => this.#workloads.apply(workload);
  removeWorkload = (instance: number) => this.#workloads.remove(instance);
  eraseWorkload = (instance: number) => this.#workloads.erase(instance);
  keyOf = (instance: number, url: string) => this.#workloads.keyOf(instance, url);
  logs = (instance: number, lines: number) => this.#workloads.logs(instance, lines);
  listWorkloads = () => this.#workloads.list();

  async close() {
    // First: a step over replicas may wait for a filesystem.
    for (const filesystem of this.#filesystems.values()) filesystem.close();
    await this.#workloads.close();
  }

  async endAll() {
    await Promise.all([this.#workloads.endAll(), this.#volumes.stopAll()]);
  }

  #filesystem(name: string): LocalFilesystem {
    const found = this.#filesystems.get(name);
    if (found) return found;
    throw fail('filesystem_not_found', `The region ${this.name} has no filesystem "${name}".`, {
      nextStep: 'Add it under "filesystems" in ecolink.yaml, or use another model.',
    });
  }

  /** `root`: links in the model's folder may lead to other places in it. */
  #modelOf(location: ModelLocation): EngineStart['model'] {
    if (location.kind === 'volume') {
      const folder = this.#volumes.tree(location.volume);
      return { root: folder, folder, own: true };
    }
    const { root } = this.#filesystem(location.filesystem);
    return { root, folder: join(root, location.subfolder), own: false };
  }

  /** The last look before an engine starts. */
  async #refuseOtherFiles({ location }: Workload): Promise<void> {
    if (location.kind !== 'filesystem' || location.accepted === undefined) return;
    const { filesystem, subfolder, accepted } = location;
    const files = await this.markFiles(filesystem, subfolder, accepted.paths);
    if (digestOfFiles(files) !== accepted.digest) throw filesChanged();
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
    const model = this.#modelOf(workload.location);
    const { file } = workload.location;
    const modelPath = file === undefined ? model.folder : join(model.folder, file);
    const values = { model_path: modelPath, served_name: workload.servedName, host: '127.0.0.1' };
    const given = [...args, ...workload.arguments];
    const { environment } = runtime;
    const wordsFor = (port: number): string[] =>
      fillIn(given, { ...values, model_dir: model.folder, port: String(port) });
    const listed = { ...engineEnvironment(this.#deps.environment), ...offline };
    const start = {
      instance: workload.instance,
      command,
      program: { command: args, others: pathsNamedBy(runtime, this.#deps.environment['LD_LIBRARY_PATH']) },
      environment: { listed, runtime: environment },
      model,
    };
    // Without managed devices the hash has no accelerator: replicas of earlier versions have that one.
    const devices = this.#devices.isManaged ? workload.accelerator : undefined;
    return {
      // The keys are those of earlier versions: a replica with another hash is restarted.
      hash: digestOf({ command, given, filled: values, environment, generation: workload.generation, devices }),
      command,
      arguments: wordsFor,
      environment: { ...listed, ...environment },
      prepare: (folder, port) => this.#sandbox.prepare({ ...start, folder, arguments: wordsFor(port) }),
      keyVariable: 'key_variable' in runtime ? runtime.key_variable : undefined,
      devices: devices && { accelerator: devices.name, count: devices.count },
      health: runtime.health,
      graceMs: 10_000,
      check: () => this.#refuseOtherFiles(workload),
    };
  }
}

function filesChanged(): Error {
  return fail('files_changed', 'Files of the model are not those that were accepted for this instance.', {
    nextStep: 'Put the files back, or restart the instance: the restart says what has changed.',
    retryable: false,
  });
}

/** What a runtime names of this machine, in its own definition. What a launch adds is not trusted with paths. */
function pathsNamedBy(runtime: Runtime, libraryPath = ''): string[] {
  const words = [...runtime.arguments, ...Object.values(runtime.category_arguments).flat()];
  const paths = [...libraryPath.split(delimiter), ...Object.values(runtime.environment)];
  return [...words, ...paths, ...('reads' in runtime ? (runtime.reads ?? []) : [])];
}

/** The variables that engines get. They download nothing, so they need no proxy, whose URL may hold a password. */
const engineVariables = new Set([
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'HIP_VISIBLE_DEVICES',
]);

function engineEnvironment(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => engineVariables.has(name)));
}

const defaultScratchGib = 4;

/** Engines must use the files that EcoLink gives them and download nothing. */
const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };
