import { hash } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { fail } from '../../../base/errors.ts';
import { digestOf } from '../../../base/ids.ts';
import type { ObservedReplica, Workload } from '../../../region/region.ts';
import type { Reason } from '../../../base/reason.ts';
import { carries } from '../api/is-subset.ts';
import type { KubernetesClient, Manifest } from '../api/client.ts';
import { lastWarning, whyNotBegun } from '../api/events.ts';
import type { Held, Kind, Live } from '../api/kinds.ts';
import { disruptionBudget, networkPolicy, service } from '../manifests/network.ts';
import type { Served } from '../manifests/served.ts';
import { deployment } from '../manifests/workload.ts';
import type { Mirror } from '../api/mirror.ts';
import { owners } from '../api/mirrors.ts';
import type { Mirrors } from '../api/mirrors.ts';
import { annotations, labels, workloadName } from '../api/names.ts';
import { counts, hangs, notMade, replicaOf } from './replicas.ts';

/** How an object was found. */
type Found = 'as_is' | 'changed';

interface Deps {
  region: string;
  client: KubernetesClient;
  mirrors: Mirrors;
  /** Looks up what a workload names. Throws where it cannot be served. */
  servedOf: (workload: Workload) => Promise<Served>;
  /** Where calls to a pod go. */
  urlOf: (pod: string, address: string, port: number) => string | Promise<string>;
}

/** Instances are a Deployment, a Service and what protects them, as the cluster has them. */
export class KubernetesWorkloads {
  readonly #deps: Deps;
  readonly #applied = new Map<string, { rendered: string; generation: number | undefined }>();
  /** What was asked for, and what was there, when an instance's objects were found to be as rendered. */
  readonly #settled = new Map<number, string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async apply(workload: Workload): Promise<void> {
    const { mirrors } = this.#deps;
    const served = await this.#deps.servedOf(workload);
    // Thousands are looked at again and again, and rendering them is most of what that costs.
    const standing = await this.#standingOf(served);
    if (this.#settled.get(workload.instance) === standing) return;
    // What protects the pods is there before them.
    const around = await Promise.all([
      this.#ensure('NetworkPolicy', mirrors.policies, networkPolicy(served)),
      this.#ensure('Service', mirrors.services, service(served)),
      workload.replicas > 1
        ? this.#ensure('PodDisruptionBudget', mirrors.budgets, disruptionBudget(served))
        : this.#drop('PodDisruptionBudget', mirrors.budgets, workload.instance),
    ]);
    const inner = await this.#ensure('Deployment', mirrors.deployments, deployment(served));
    // Read before they were compared: what somebody changed since is another standing.
    if ([...around, inner].every((found) => found === 'as_is')) this.#settled.set(workload.instance, standing);
    else this.#settled.delete(workload.instance);
  }

  async #standingOf(served: Served): Promise<string> {
    const { policies, services, budgets, deployments } = this.#deps.mirrors;
    const name = workloadName(served.workload.instance, this.#deps.region);
    const found = await Promise.all([policies, services, budgets, deployments].map((mirror) => mirror.get(name)));
    const versions = found.map((live: Held | undefined) => `${live?.metadata.uid}@${live?.metadata.resourceVersion}`);
    return `${hash('sha256', JSON.stringify(served))} ${versions.join(' ')}`;
  }

  async remove(instance: number): Promise<void> {
    const { mirrors } = this.#deps;
    this.#settled.delete(instance);
    await this.#drop('Deployment', mirrors.deployments, instance);
    await this.#drop('PodDisruptionBudget', mirrors.budgets, instance);
    // What protects the pods stays until the last of them is gone.
    if ((await this.#pods(instance)).length > 0) return;
    await this.#drop('Service', mirrors.services, instance);
    await this.#drop('NetworkPolicy', mirrors.policies, instance);
  }

  async observe(instance: number): Promise<ObservedReplica[]> {
    const pods = await this.#pods(instance);
    const deployed = (await this.#deps.mirrors.deployments.of(owners.instance(instance)))[0];
    const urls = await this.#urls(instance);
    const seen = await Promise.all(pods.map(async (pod) => replicaOf(pod, deployed, urls, await this.#addressOf(pod))));
    const replicas = await this.#explain(pods, seen);
    if (!deployed) return replicas.length > 0 ? replicas : this.#leftOver(instance);
    const made = replicas.filter(({ state }) => state !== 'stopping').length;
    return made < (deployed.spec?.replicas ?? 1) ? [...replicas, notMade(deployed)] : replicas;
  }

  async #pods(instance: number): Promise<Live<V1Pod>[]> {
    return (await this.#deps.mirrors.pods.of(owners.instance(instance))).filter(counts);
  }

  /** What is still to be removed after the last pod counts as one that is on its way out. */
  async #leftOver(instance: number): Promise<ObservedReplica[]> {
    const { services, policies } = this.#deps.mirrors;
    const left = await Promise.all([services, policies].map((mirror) => mirror.of(owners.instance(instance))));
    return left
      .flat()
      .slice(0, 1)
      .map(({ metadata }) => ({ id: metadata.name, state: 'stopping', restarts: 0 }));
  }

  /** Asks for what pods do not say of themselves, for the first that is in such trouble: the others are in the same. */
  async #explain(pods: readonly Live<V1Pod>[], replicas: ObservedReplica[]): Promise<ObservedReplica[]> {
    const at = replicas.findIndex(
      ({ state, reason }, index) =>
        reason?.code === 'volume_not_bound' || (state === 'starting' && hangs(pods[index] as Live<V1Pod>, Date.now())),
    );
    const [pod, replica] = [pods[at], replicas[at]];
    if (!pod || !replica) return replicas;
    const reason = replica.reason
      ? await this.#whyNotBound(pod, replica.reason)
      : await whyNotBegun(this.#deps.client, pod);
    return reason === undefined ? replicas : replicas.with(at, { ...replica, state: 'waiting', reason });
  }

  async #whyNotBound(pod: Live<V1Pod>, said: Reason): Promise<Reason> {
    const claim = await this.#deps.mirrors.claims.get(pod.metadata.labels?.[labels.volume] ?? '');
    const why = claim && (await lastWarning(this.#deps.client, claim));
    return why === undefined ? said : { ...said, message: `${said.message} ${why}` };
  }

  async list(): Promise<number[]> {
    const { deployments, services, policies, budgets } = this.#deps.mirrors;
    const all = await Promise.all([deployments.all(), services.all(), policies.all(), budgets.all()]);
    const ids = all.flat().map((each: Held) => Number(each.metadata.labels?.[labels.instance]));
    return [...new Set(ids.filter(Number.isInteger))];
  }

  async logs(instance: number, lines: number): Promise<string[]> {
    const pods = await this.#pods(instance);
    const all = await Promise.all(pods.map(async (pod) => this.#logOf(pod, lines, pods.length > 1)));
    return all.flat();
  }

  async #logOf(pod: Live<V1Pod>, lines: number, named: boolean): Promise<string[]> {
    const { name } = pod.metadata;
    const status = pod.status?.containerStatuses?.find((each) => each.name === 'engine');
    const options = { lines, container: 'engine' };
    const now = await this.#deps.client.log(name, options);
    // One that has just begun again has nothing to say yet of why the last one ended.
    const text =
      now === '' && (status?.restartCount ?? 0) > 0
        ? await this.#deps.client.log(name, { ...options, previous: true })
        : now;
    const all = text.split('\n');
    if (all.at(-1) === '') all.pop();
    return named ? all.map((line) => `[${name}] ${line}`) : all;
  }

  /** Applies what is missing, what was rendered otherwise before, and what somebody changed by hand. */
  async #ensure<T>(kind: Kind, mirror: Mirror<T>, manifest: T & Manifest): Promise<Found> {
    const rendered = digestOf(manifest).slice(0, 16);
    const name = manifest.metadata?.name as string;
    const live = await mirror.get(name);
    if (live && live.metadata.deletionTimestamp === undefined) {
      const marked = live.metadata.annotations?.[annotations.rendered] === rendered;
      if (marked && this.#asApplied(live, rendered, manifest)) return 'as_is';
    } else if (!live) await this.#refuseForeign(kind, name);
    const metadata = manifest.metadata as { annotations?: Record<string, string> };
    const marked = { ...metadata, annotations: { ...metadata.annotations, [annotations.rendered]: rendered } };
    const applied = await this.#deps.client.apply<T & Manifest>(kind, { ...manifest, metadata: marked });
    mirror.put(applied);
    this.#applied.set(applied.metadata.uid, { rendered, generation: applied.metadata.generation });
    return 'changed';
  }

  /** Where the server writes a field of ours in its own way, what it answered with when we applied it is no drift. */
  #asApplied(live: Held, rendered: string, { apiVersion: _version, kind: _kind, ...fields }: Manifest): boolean {
    if (carries(live, fields)) return true;
    const before = this.#applied.get(live.metadata.uid);
    return (
      before?.rendered === rendered && before.generation !== undefined && before.generation === live.metadata.generation
    );
  }

  /** Applying would take over what somebody else made under the name. */
  async #refuseForeign(kind: Kind, name: string): Promise<void> {
    const there = await this.#deps.client.read(kind, name);
    if (!there || there.metadata.labels?.[labels.region] === this.#deps.region) return;
    throw fail('name_taken', `A ${kind} named ${name} is there that EcoLink did not make.`, {
      nextStep: 'Rename or remove it.',
    });
  }

  async #drop<T>(kind: Kind, mirror: Mirror<T>, instance: number): Promise<Found> {
    const live = await mirror.get(workloadName(instance, this.#deps.region));
    if (!live || live.metadata.deletionTimestamp !== undefined) return 'as_is';
    await this.#deps.client.delete(kind, live.metadata.name, live.metadata.uid);
    mirror.forget(live);
    this.#applied.delete(live.metadata.uid);
    return 'changed';
  }

  async #addressOf({ metadata, status, spec }: Live<V1Pod>): Promise<string | undefined> {
    const port = spec?.containers.find(({ name }) => name === 'engine')?.ports?.[0]?.containerPort;
    if (status?.podIP === undefined || port === undefined) return undefined;
    return this.#deps.urlOf(metadata.name, status.podIP, port);
  }

  /** Of the pods that the cluster counts as ready, by pod name. */
  async #urls(instance: number): Promise<Map<string, string>> {
    const urls = new Map<string, string>();
    for (const slice of await this.#deps.mirrors.slices.of(owners.instance(instance))) {
      const port = slice.ports?.[0]?.port;
      for (const endpoint of slice.endpoints ?? []) {
        const { targetRef, conditions, addresses } = endpoint;
        const address = addresses[0];
        if (!conditions?.ready || targetRef?.name === undefined || port === undefined || address === undefined)
          continue;
        urls.set(targetRef.name, await this.#deps.urlOf(targetRef.name, address, port));
      }
    }
    return urls;
  }
}
