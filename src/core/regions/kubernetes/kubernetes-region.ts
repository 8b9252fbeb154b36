import { join, relative } from 'node:path/posix';
import type { Clock } from '../../base/clock.ts';
import { fail } from '../../base/errors.ts';
import type { NewId } from '../../base/ids.ts';
import { plainWords, sentences } from '../../base/prose.ts';
import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';
import type { FilesystemConfig, KubernetesRuntime } from '../../config/schema.ts';
import type { RegionCapabilities } from '../../region/capabilities.ts';
import type { Region, RegionStatus, Workload } from '../../region/region.ts';
import { isImageAllowed } from '../../runtimes/allowed-images.ts';
import type { Runtime } from '../../runtimes/runtime.ts';
import { ClusterAccess } from './api/access.ts';
import { ApiProxy } from './api/api-proxy.ts';
import { KubernetesClient } from './api/client.ts';
import { closeMirrors, createMirrors } from './api/mirrors.ts';
import type { ChangeListener, Mirrors } from './api/mirrors.ts';
import { ownNamespace } from './api/own-namespace.ts';
import { Ownership } from './api/ownership.ts';
import { statusOf } from './doctor/status.ts';
import { KubernetesFilesystems } from './filesystems/filesystems.ts';
import { modelFolderOf } from './filesystems/model-folder.ts';
import type { RenderInput } from './manifests/render-input.ts';
import { runPodTask } from './pods/pod-task.ts';
import { verifyAnswer } from './pods/task-answers.ts';
import { KubernetesVolumes } from './volumes/volumes.ts';
import { KubernetesWorkloads } from './workloads/workloads.ts';

export interface KubernetesRegionDeps extends ChangeListener {
  config: KubernetesRegionConfig;
  capabilities: RegionCapabilities;
  filesystems: readonly FilesystemConfig[];
  runtimes: () => readonly Runtime[];
  /** The identity of the store behind this region. */
  store: string;
  clock: Clock;
  newId: NewId;
}

/** Where a model is, and what of its claim the engine sees. `folder`: the model's folder in the engine's container. */
type FoundModel = Pick<RenderInput, 'claim' | 'mountPath' | 'subPath'> & { folder: string };

const modelPath = '/model';
/** A status is kept for this time, in milliseconds. */
const statusMs = 15_000;
/** Time to read every byte of a volume. */
const verifySeconds = 6 * 3600;

/** A namespace of a cluster as a region: volumes are claims, replicas are pods. */
export class KubernetesRegion implements Region {
  readonly kind = 'kubernetes';
  readonly name: string;
  readonly capabilities: RegionCapabilities;
  readonly #deps: KubernetesRegionDeps;
  readonly #access: ClusterAccess;
  readonly #client: KubernetesClient;
  readonly #proxy: ApiProxy;
  readonly #ownership: Ownership;
  readonly #mirrors: Mirrors;
  readonly #volumes: KubernetesVolumes;
  readonly #workloads: KubernetesWorkloads;
  readonly #filesystems: KubernetesFilesystems;
  readonly #ownNamespace = ownNamespace();
  #status: { value: Promise<RegionStatus>; untilMs: number } | undefined;

  constructor(deps: KubernetesRegionDeps) {
    const { config, clock, newId, filesystems, store } = deps;
    const { name: region, namespace, context, kubeconfig, in_cluster: inCluster } = config;
    this.name = region;
    this.capabilities = deps.capabilities;
    this.#deps = deps;
    this.#access = new ClusterAccess({ region, context, kubeconfig, inCluster, clock });
    const client = new KubernetesClient({ region, namespace, access: this.#access, clock });
    this.#client = client;
    this.#ownership = new Ownership({ config, client, clock, store });
    this.#proxy = new ApiProxy(this.#access, namespace);
    const mirrors = createMirrors({ client, clock, region, listener: deps });
    this.#mirrors = mirrors;
    this.#volumes = new KubernetesVolumes({ config, client, mirrors, clock });
    this.#filesystems = new KubernetesFilesystems({ config, client, clock, newId, filesystems });
    this.#workloads = new KubernetesWorkloads({
      region,
      client,
      mirrors,
      clock,
      renderInputOf: (workload) => this.#renderInputOf(workload),
      urlOf: (pod, address, port) =>
        config.reach === 'api-proxy' ? this.#proxy.urlOf(pod, port) : `http://${bracketed(address)}:${port}`,
    });
  }

  status(): Promise<RegionStatus> {
    const { clock } = this.#deps;
    if (this.#status && this.#status.untilMs > clock.elapsedMs()) return this.#status.value;
    const value = this.#readStatus();
    this.#status = { value, untilMs: clock.elapsedMs() + statusMs };
    return value;
  }

  async #readStatus(): Promise<RegionStatus> {
    const status = await statusOf(this.#client, this.#deps.config);
    if (!status.reachable || status.reason) return status;
    const error = await this.#ownership.refusal().catch(() => undefined);
    if (!error) return status;
    return { ...status, reason: { code: error.code, message: plainWords(sentences(error.said, error.nextStep)) } };
  }

  /** EcoLink reads and changes nothing in a region that belongs to another store. */
  #owned<Given extends unknown[], Answer>(work: (...given: Given) => Promise<Answer>) {
    return async (...given: Given): Promise<Answer> => {
      await this.#ownership.check();
      return work(...given);
    };
  }

  observeVolume = this.#owned((key: string) => this.#volumes.observe(key));
  startDownload: Region['startDownload'] = this.#owned((...given) => this.#volumes.start(...given));
  stopDownload = this.#owned((key: string) => this.#volumes.stop(key));
  storageOf = async () => new Map();
  remains = this.#owned((key: string) => this.#volumes.remains(key));
  outOfReach: Region['outOfReach'] = this.#owned((...given) => this.#volumes.outOfReach(...given));
  keptOf = (keys: readonly string[]) => this.#volumes.keptOf(keys);
  deleteVolume = this.#owned((key: string) => this.#volumes.delete(key));
  verifyVolume = this.#owned((key: string) => this.#verify(key));

  async #verify(key: string): Promise<string[]> {
    const { share } = this.#deps.config;
    const args = ['verify-volume', '--target', modelPath];
    const task = {
      claim: key,
      mountPath: modelPath,
      writes: share === undefined,
      args,
      deadlineSeconds: verifySeconds,
    };
    const { mismatches } = await runPodTask({ ...this.#deps, client: this.#client }, task, verifyAnswer);
    if (mismatches.length > 0) await this.#volumes.markDamaged(key);
    return mismatches;
  }

  filesystems = () => this.#filesystems.all();
  markFiles = (filesystem: string, subfolder: string, paths: readonly string[]) =>
    this.#filesystems.mark(filesystem, subfolder, paths);
  listFolder = (filesystem: string, subfolder: string) => this.#filesystems.list(filesystem, subfolder);
  readFile = (filesystem: string, path: string, maximumBytes: number) =>
    this.#filesystems.read(filesystem, path, maximumBytes);
  readHead = (filesystem: string, path: string, bytes: number) => this.#filesystems.head(filesystem, path, bytes);

  observeWorkload = this.#owned((instance: number) => this.#workloads.observe(instance));
  applyWorkload = this.#owned((workload: Workload) => this.#workloads.apply(workload));
  removeWorkload = this.#owned((instance: number) => this.#workloads.remove(instance));
  eraseWorkload = this.#owned((instance: number) => this.#workloads.remove(instance));
  logs = this.#owned((instance: number, lines: number) => this.#workloads.logs(instance, lines));

  /** Asks again who owns the region: workloads that the store does not know are removed. */
  async listWorkloads(): Promise<number[]> {
    await this.#ownership.check({ anew: true });
    return this.#workloads.list();
  }

  /** Replicas in a cluster run on without this process. */
  async endAll(): Promise<void> {}

  async close(): Promise<void> {
    await Promise.all([closeMirrors(this.#mirrors), this.#proxy.close()]);
    await this.#access.close();
  }

  async #renderInputOf(workload: Workload): Promise<RenderInput> {
    const { config } = this.#deps;
    const runtime = this.#runtimeOf(workload);
    const { folder, ...mount } = await this.#findModel(workload);
    const { file } = workload.location;
    return {
      config,
      // A kubeconfig may lead to another cluster than the one of this pod.
      serverNamespace: config.in_cluster ? this.#ownNamespace : undefined,
      workload,
      runtime,
      ...mount,
      modelPath: file === undefined ? folder : `${folder}/${file}`,
      modelFolder: folder,
    };
  }

  async #findModel({ location, modelFolderOnly }: Workload): Promise<FoundModel> {
    if (location.kind === 'volume') return { claim: location.volume, mountPath: modelPath, folder: modelPath };
    const { subfolder } = location;
    const { claim, mountPath: root } = await this.#filesystems.claimOf(location.filesystem);
    const subPath = modelFolderOnly ? modelFolderOf(subfolder) : undefined;
    if (subPath === undefined) return { claim, mountPath: root, folder: `${root}/${subfolder}` };
    const mountPath = mountPathFor(root, subPath);
    return { claim, subPath, mountPath, folder: join(mountPath, relative(subPath, subfolder)) };
  }

  #runtimeOf({ runtime: name, image: kept }: Workload): KubernetesRuntime {
    const runtime = this.#deps.runtimes().find((each) => each.name === name);
    if (runtime?.kind !== 'kubernetes') {
      throw fail('runtime_gone', `The runtime "${name}" is no longer configured.`, {
        nextStep: 'Add it to the runtimes in ecolink.yaml again, or launch the model with another runtime.',
      });
    }
    const image = kept ?? runtime.image;
    const allowed = this.#deps.config.images_allowed;
    if (allowed === undefined || isImageAllowed(image, allowed)) return { ...runtime, image };
    throw fail('image_not_allowed', `The region ${this.name} does not allow the image ${image}.`, {
      nextStep: "Launch with another runtime, or add the image to the region's images_allowed in ecolink.yaml.",
    });
  }
}

/** The path that the folder has in the whole filesystem, so that absolute links inside it work. Mounts know no ":". */
function mountPathFor(root: string, subPath: string): string {
  const path = `${root}/${subPath}`;
  return path.includes(':') ? modelPath : path;
}

/** A host in a URL: an IPv6 address needs brackets. */
function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
