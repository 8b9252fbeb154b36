import type { KubernetesRegionConfig } from '../../config/kubernetes-region.ts';
import type { FilesystemConfig, KubernetesRuntime } from '../../config/schema.ts';
import { refused, unavailable } from '../../errors.ts';
import type { Runtime } from '../../runtimes/runtime.ts';
import type { ModelLocation, Region, RegionStatus, Workload } from '../region.ts';
import { ClusterAccess } from './access.ts';
import { ApiProxy } from './api-proxy.ts';
import { isImageAllowed } from '../../runtimes/kubernetes/allowed-images.ts';
import { KubernetesClient } from './client.ts';
import { runErrand } from './errands.ts';
import { KubernetesFilesystems } from './filesystems.ts';
import { Ownership } from './ownership.ts';
import type { Served } from './manifests/served.ts';
import { closeMirrors, createMirrors } from './mirrors.ts';
import type { Hints, Mirrors } from './mirrors.ts';
import { ownNamespace } from './own-namespace.ts';
import { statusOf } from './status.ts';
import { KubernetesVolumes } from './volumes.ts';
import { KubernetesWorkloads } from './workloads.ts';

export interface KubernetesRegionParts extends Hints {
  config: KubernetesRegionConfig;
  filesystems: readonly FilesystemConfig[];
  runtimes: () => readonly Runtime[];
  /** What tells the store behind this region from every other one. */
  store: string;
}

const modelPath = '/model';
const statusMs = 15_000;
/** For reading every byte of a volume again. */
const verifySeconds = 6 * 3600;

/** A namespace of a cluster as a region: volumes are claims, replicas are pods. */
export class KubernetesRegion implements Region {
  readonly kind = 'kubernetes';
  readonly name: string;
  readonly #parts: KubernetesRegionParts;
  readonly #access: ClusterAccess;
  readonly #client: KubernetesClient;
  readonly #proxy: ApiProxy;
  readonly #ownership: Ownership;
  readonly #mirrors: Mirrors;
  readonly #volumes: KubernetesVolumes;
  readonly #workloads: KubernetesWorkloads;
  readonly #filesystems: KubernetesFilesystems;
  readonly #ownNamespace = ownNamespace();
  #status: { value: Promise<RegionStatus>; until: number } | undefined;

  constructor(parts: KubernetesRegionParts) {
    const { config } = parts;
    const { name: region, namespace, context, kubeconfig, in_cluster: inCluster } = config;
    this.name = region;
    this.#parts = parts;
    this.#access = new ClusterAccess({ region, context, kubeconfig, inCluster });
    const client = new KubernetesClient({ region, namespace, access: this.#access });
    this.#client = client;
    this.#ownership = new Ownership({ config, client, store: parts.store });
    this.#proxy = new ApiProxy(this.#access, namespace);
    this.#mirrors = createMirrors(client, region, parts);
    this.#volumes = new KubernetesVolumes({ config, client, mirrors: this.#mirrors });
    this.#filesystems = new KubernetesFilesystems({ config, client, filesystems: parts.filesystems });
    this.#workloads = new KubernetesWorkloads({
      region,
      client,
      mirrors: this.#mirrors,
      servedOf: (workload) => this.#servedOf(workload),
      urlOf: (pod, address, port) =>
        config.reach === 'api-proxy' ? this.#proxy.urlOf(pod, port) : `http://${bracketed(address)}:${port}`,
    });
  }

  /** Asked a few times a minute at most, whoever looks. */
  status(): Promise<RegionStatus> {
    if (this.#status && this.#status.until > Date.now()) return this.#status.value;
    const value = this.#look();
    this.#status = { value, until: Date.now() + statusMs };
    return value;
  }

  async #look(): Promise<RegionStatus> {
    const status = await statusOf(this.#client, this.#parts.config);
    if (!status.reachable || status.reason) return status;
    const taken = await this.#ownership.refusal().catch(() => undefined);
    return taken ? { ...status, reason: { code: taken.code, message: `${taken.message} ${taken.nextStep}` } } : status;
  }

  /** Nothing is seen of a region that belongs to another store, and nothing changed there. */
  #owned<Given extends unknown[], Answer>(work: (...given: Given) => Promise<Answer>) {
    return async (...given: Given): Promise<Answer> => {
      await this.#ownership.check();
      return work(...given);
    };
  }

  observeVolume = this.#owned((key: string) => this.#volumes.observe(key));
  startDownload: Region['startDownload'] = this.#owned((...given) => this.#volumes.start(...given));
  stopDownload = this.#owned((key: string) => this.#volumes.stop(key));
  remains = this.#owned((key: string) => this.#volumes.remains(key));
  outOfReach: Region['outOfReach'] = this.#owned((...given) => this.#volumes.outOfReach(...given));
  keptOf = (keys: readonly string[]) => this.#volumes.keptOf(keys);
  deleteVolume = this.#owned((key: string) => this.#volumes.delete(key));
  verifyVolume = this.#owned((key: string) => this.#verify(key));

  async #verify(key: string): Promise<string[]> {
    const answer = await runErrand(this.#client, this.#parts.config, {
      claim: key,
      mountPath: modelPath,
      writes: this.#parts.config.share === undefined,
      args: ['verify-volume', '--target', modelPath],
      deadlineSeconds: verifySeconds,
    });
    const found = answer['mismatches'] as string[];
    if (found.length > 0) await this.#volumes.markDamaged(key);
    return found;
  }

  filesystems = () => this.#filesystems.all();
  listFolder = (filesystem: string, subfolder: string) => this.#filesystems.list(filesystem, subfolder);
  readFile = (filesystem: string, path: string, maximumBytes: number) =>
    this.#filesystems.read(filesystem, path, maximumBytes);
  readHead = (filesystem: string, path: string, bytes: number) => this.#filesystems.head(filesystem, path, bytes);

  observeWorkload = this.#owned((instance: number) => this.#workloads.observe(instance));
  applyWorkload = this.#owned((workload: Workload) => this.#workloads.apply(workload));
  removeWorkload = this.#owned((instance: number) => this.#workloads.remove(instance));
  eraseWorkload = this.#owned((instance: number) => this.#workloads.remove(instance));
  logs = this.#owned((instance: number, lines: number) => this.#workloads.logs(instance, lines));

  /** What is listed here and unknown to the store is removed: whose it is, is asked anew each time. */
  async listWorkloads(): Promise<number[]> {
    await this.#ownership.check({ anew: true });
    return this.#workloads.list();
  }

  /** What runs in a cluster goes on without this process. */
  async endAll(): Promise<void> {}

  async close(): Promise<void> {
    await Promise.all([closeMirrors(this.#mirrors), this.#proxy.close()]);
    await this.#access.close();
  }

  async #servedOf(workload: Workload): Promise<Served> {
    const { config } = this.#parts;
    const runtime = this.#runtimeOf(workload);
    const { claim, mountPath, folder } = await this.#placeOf(workload.location);
    const { file } = workload.location;
    // A kubeconfig may lead to another cluster than the one that this pod is in.
    const namespace = config.in_cluster ? this.#ownNamespace : undefined;
    return {
      config,
      ...(namespace === undefined ? {} : { serverNamespace: namespace }),
      workload,
      runtime,
      claim,
      mountPath,
      modelPath: file === undefined ? folder : `${folder}/${file}`,
    };
  }

  async #placeOf(location: ModelLocation): Promise<{ claim: string; mountPath: string; folder: string }> {
    if (location.kind === 'volume') return { claim: location.volume, mountPath: modelPath, folder: modelPath };
    const { claim, mountPath } = await this.#filesystems.claimOf(location.filesystem);
    return { claim, mountPath, folder: `${mountPath}/${location.subfolder}` };
  }

  #runtimeOf({ runtime: name, image: kept }: Workload): KubernetesRuntime {
    const runtime = this.#parts.runtimes().find((each) => each.name === name);
    if (runtime?.kind !== 'kubernetes') {
      throw unavailable('runtime_gone', `The runtime "${name}" is not configured any more.`, {
        nextStep: 'Put it back under "runtimes" in ecolink.yaml, or launch anew with another runtime.',
      });
    }
    const image = kept ?? runtime.image;
    const allowed = this.#parts.config.images_allowed;
    if (allowed === undefined || isImageAllowed(image, allowed)) return { ...runtime, image };
    throw refused('image_not_allowed', `The region ${this.name} does not allow the image ${image}.`, {
      nextStep: "Launch with another runtime, or add the image to the region's images_allowed in ecolink.yaml.",
    });
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
