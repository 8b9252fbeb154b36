import { hash } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { fail } from '../../../base/errors.ts';
import { digestOf } from '../../../base/ids.ts';
import type { Reason } from '../../../base/reason.ts';
import type { ObservedReplica, Workload } from '../../../region/region.ts';
import type { KubernetesClient } from '../api/client.ts';
import { lastWarning, whyNotStarted } from '../api/events.ts';
import { isSubset } from '../api/is-subset.ts';
import type { ApiObject, Kind, ManifestOf, Pod } from '../api/kinds.ts';
import type { Mirror } from '../api/mirror.ts';
import { owners } from '../api/mirrors.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { annotations, labels, workloadName } from '../api/names.ts';
import { disruptionBudget, networkPolicy, service } from '../manifests/network.ts';
import type { RenderInput } from '../manifests/render-input.ts';
import { deployment } from '../manifests/workload.ts';
import { isActive, isStuckBeforeStart, missingReplica, replicaOf } from './replicas.ts';

type ApplyResult = 'unchanged' | 'changed';

interface WorkloadsDeps {
  region: string;
  client: KubernetesClient;
  mirrors: Mirrors;
  clock: Clock;
  /** Looks up what a workload names. Throws if the region cannot serve it. */
  renderInputOf: (workload: Workload) => Promise<RenderInput>;
  /** The address for calls to a pod. */
  urlOf: (pod: string, address: string, port: number) => string | Promise<string>;
}

/** An engine can write lines of any length. */
const logLimitBytes = 1 << 20;

/** Each instance is a Deployment, a Service, and the objects that protect its pods. */
export class KubernetesWorkloads {
  readonly #deps: WorkloadsDeps;
  readonly #applied = new Map<string, { rendered: string; generation: number | undefined }>();
  /** For each instance whose objects are as rendered: a fingerprint of the input and of the objects' versions. */
  readonly #unchanged = new Map<number, string>();

  constructor(deps: WorkloadsDeps) {
    this.#deps = deps;
  }

  async apply(workload: Workload): Promise<void> {
    const { mirrors } = this.#deps;
    const { instance } = workload;
    const input = await this.#deps.renderInputOf(workload);
    // Thousands of instances are looked at again and again. Rendering is most of the cost.
    const fingerprint = await this.#fingerprintOf(input);
    if (this.#unchanged.get(instance) === fingerprint) return;
    // These protect the pods, so they exist before them.
    const others = await Promise.all([
      this.#ensure(mirrors.policies, networkPolicy(input)),
      this.#ensure(mirrors.services, service(input)),
      workload.replicas > 1
        ? this.#ensure(mirrors.budgets, disruptionBudget(input))
        : this.#drop(mirrors.budgets, instance),
    ]);
    const own = await this.#ensure(mirrors.deployments, deployment(input));
    // The fingerprint is older than the comparison: a change by others since then gives another one.
    if ([...others, own].every((result) => result === 'unchanged')) this.#unchanged.set(instance, fingerprint);
    else this.#unchanged.delete(instance);
  }

  async #fingerprintOf(input: RenderInput): Promise<string> {
    const { policies, services, budgets, deployments } = this.#deps.mirrors;
    const name = workloadName(input.workload.instance, this.#deps.region);
    const objects = await Promise.all([policies, services, budgets, deployments].map((mirror) => mirror.get(name)));
    const versions = objects.map((live) => `${live?.metadata.uid}@${live?.metadata.resourceVersion}`);
    return `${hash('sha256', JSON.stringify(input))} ${versions.join(' ')}`;
  }

  async remove(instance: number): Promise<void> {
    const { mirrors } = this.#deps;
    this.#unchanged.delete(instance);
    await this.#drop(mirrors.deployments, instance);
    await this.#drop(mirrors.budgets, instance);
    // These protect the pods, so they stay until the last pod is gone.
    if ((await this.#pods(instance)).length > 0) return;
    await this.#drop(mirrors.services, instance);
    await this.#drop(mirrors.policies, instance);
  }

  async observe(instance: number): Promise<ObservedReplica[]> {
    const pods = await this.#pods(instance);
    const [live] = await this.#deps.mirrors.deployments.of(owners.instance(instance));
    const urls = await this.#urls(instance);
    const seen = await Promise.all(
      pods.map(async (pod) => replicaOf(pod, { deployment: live, urls, address: await this.#addressOf(pod) })),
    );
    const replicas = await this.#explain(pods, seen);
    if (!live) return replicas.length > 0 ? replicas : this.#leftOver(instance);
    const existing = replicas.filter(({ state }) => state !== 'stopping').length;
    return existing < (live.spec?.replicas ?? 1) ? [...replicas, missingReplica(live)] : replicas;
  }

  async #pods(instance: number): Promise<Pod[]> {
    const nowMs = this.#deps.clock.now().getTime();
    const pods = await this.#deps.mirrors.pods.of(owners.instance(instance));
    return pods.filter((pod) => isActive(pod, nowMs));
  }

  /** After the last pod, objects that are still to be removed count as one stopping replica. */
  async #leftOver(instance: number): Promise<ObservedReplica[]> {
    const { services, policies } = this.#deps.mirrors;
    const left = await Promise.all([services, policies].map((mirror) => mirror.of(owners.instance(instance))));
    return left
      .flat()
      .slice(0, 1)
      .map(({ metadata }) => ({ id: metadata.name, state: 'stopping', restarts: 0 }));
  }

  /** Asks why a pod waits if its status does not say. It asks for the first such pod only: the others wait for the same. */
  async #explain(pods: readonly Pod[], replicas: ObservedReplica[]): Promise<ObservedReplica[]> {
    const nowMs = this.#deps.clock.now().getTime();
    const at = replicas.findIndex(({ state, reason }, index) => {
      const pod = pods[index];
      const isStuck = state === 'starting' && pod !== undefined && isStuckBeforeStart(pod, nowMs);
      return reason?.code === 'volume_not_bound' || isStuck;
    });
    const [pod, replica] = [pods[at], replicas[at]];
    if (!pod || !replica) return replicas;
    const reason = replica.reason
      ? await this.#whyNotBound(pod, replica.reason)
      : await whyNotStarted(this.#deps.client, pod);
    return reason === undefined ? replicas : replicas.with(at, { ...replica, state: 'waiting', reason });
  }

  async #whyNotBound(pod: Pod, reason: Reason): Promise<Reason> {
    const claim = await this.#deps.mirrors.claims.get(pod.metadata.labels?.[labels.volume] ?? '');
    const warning = claim && (await lastWarning(this.#deps.client, claim));
    return warning === undefined ? reason : { ...reason, message: `${reason.message} ${warning}` };
  }

  async list(): Promise<number[]> {
    const { deployments, services, policies, budgets } = this.#deps.mirrors;
    const all = await Promise.all([deployments.all(), services.all(), policies.all(), budgets.all()]);
    const ids = all.flat().map(({ metadata }) => Number(metadata.labels?.[labels.instance]));
    return [...new Set(ids.filter(Number.isInteger))];
  }

  async logs(instance: number, lines: number): Promise<string[]> {
    const pods = await this.#pods(instance);
    const all = await Promise.all(pods.map(async (pod) => this.#logOf(pod, lines, pods.length > 1)));
    return all.flat();
  }

  /** `isNamed`: put the pod's name before each line. */
  async #logOf(pod: Pod, lines: number, isNamed: boolean): Promise<string[]> {
    const { name } = pod.metadata;
    const status = pod.status?.containerStatuses?.find((each) => each.name === 'engine');
    const options = { lines, limitBytes: logLimitBytes, container: 'engine' };
    const current = await this.#deps.client.log(name, options);
    // An engine that has just restarted has no lines yet. The last run's lines say why it ended.
    const text =
      current === '' && (status?.restartCount ?? 0) > 0
        ? await this.#deps.client.log(name, { ...options, previous: true })
        : current;
    const all = text.split('\n');
    if (all.at(-1) === '') all.pop();
    return isNamed ? all.map((line) => `[${name}] ${line}`) : all;
  }

  /** Applies the object if it is missing, if it was rendered otherwise before, or if somebody changed it by hand. */
  async #ensure<K extends Kind>(mirror: Mirror<K>, manifest: ManifestOf<K>): Promise<ApplyResult> {
    const { name } = manifest.metadata;
    const rendered = digestOf(manifest).slice(0, 16);
    const live = await mirror.get(name);
    if (live && live.metadata.deletionTimestamp === undefined) {
      const isRendered = live.metadata.annotations?.[annotations.rendered] === rendered;
      if (isRendered && this.#isAsApplied(live, rendered, manifest)) return 'unchanged';
    } else if (!live) await this.#refuseForeign(mirror.kind, name);
    const applied = await this.#deps.client.apply(mirror.kind, manifest, { [annotations.rendered]: rendered });
    mirror.put(applied);
    this.#applied.set(applied.metadata.uid, { rendered, generation: applied.metadata.generation });
    return 'changed';
  }

  /** If the server normalises a field, the object has the generation that the server returned when we applied it. */
  #isAsApplied(live: ApiObject, rendered: string, manifest: { apiVersion?: string; kind?: string }): boolean {
    const { apiVersion: _version, kind: _kind, ...fields } = manifest;
    if (isSubset(fields, live)) return true;
    const before = this.#applied.get(live.metadata.uid);
    return (
      before?.rendered === rendered && before.generation !== undefined && before.generation === live.metadata.generation
    );
  }

  /** Throws `name_taken`: an apply would take over an object that somebody else made. */
  async #refuseForeign(kind: Kind, name: string): Promise<void> {
    const { client, region } = this.#deps;
    const existing = await client.read(kind, name);
    if (!existing || existing.metadata.labels?.[labels.region] === region) return;
    throw fail('name_taken', `A ${kind} named ${name} exists in ${region} that EcoLink did not make.`, {
      nextStep: `Rename or delete it in the namespace ${client.namespace}.`,
    });
  }

  async #drop<K extends Kind>(mirror: Mirror<K>, instance: number): Promise<ApplyResult> {
    const live = await mirror.get(workloadName(instance, this.#deps.region));
    if (!live || live.metadata.deletionTimestamp !== undefined) return 'unchanged';
    await this.#deps.client.delete(mirror.kind, live.metadata.name, live.metadata.uid);
    mirror.forget(live);
    this.#applied.delete(live.metadata.uid);
    return 'changed';
  }

  async #addressOf({ metadata, status, spec }: Pod): Promise<string | undefined> {
    const port = spec?.containers.find(({ name }) => name === 'engine')?.ports?.[0]?.containerPort;
    if (status?.podIP === undefined || port === undefined) return undefined;
    return this.#deps.urlOf(metadata.name, status.podIP, port);
  }

  /** The addresses of the pods that the cluster counts as ready, by pod name. */
  async #urls(instance: number): Promise<Map<string, string>> {
    const urls = new Map<string, string>();
    for (const slice of await this.#deps.mirrors.slices.of(owners.instance(instance))) {
      const port = slice.ports?.[0]?.port;
      for (const { targetRef, conditions, addresses } of slice.endpoints ?? []) {
        const [address] = addresses;
        const pod = targetRef?.name;
        if (!conditions?.ready || pod === undefined || port === undefined || address === undefined) continue;
        urls.set(pod, await this.#deps.urlOf(pod, address, port));
      }
    }
    return urls;
  }
}
