import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { conflict } from '../../errors.ts';
import { digestOf } from '../../ids.ts';
import type { ObservedReplica, Reason, Workload } from '../region.ts';
import { carries } from './carries.ts';
import type { KubernetesClient, Manifest } from './client.ts';
import { whyNotCreated } from './events.ts';
import type { Held, Kind, Live } from './kinds.ts';
import { disruptionBudget, networkPolicy, service } from './manifests/network.ts';
import type { Served } from './manifests/served.ts';
import { deployment } from './manifests/workload.ts';
import type { Mirror } from './mirror.ts';
import { owners } from './mirrors.ts';
import type { Mirrors } from './mirrors.ts';
import { annotations, labels, workloadName } from './names.ts';
import { isLost, isReady, troubleOf } from './pod-reasons.ts';

interface Parts {
  region: string;
  client: KubernetesClient;
  mirrors: Mirrors;
  /** Looks up what a workload names. Throws where it cannot be served. */
  servedOf: (workload: Workload) => Served;
  /** Where calls to a pod go. */
  urlOf: (pod: string, address: string, port: number) => string | Promise<string>;
}

/** Instances are a Deployment, a Service and what protects them, as the cluster has them. */
export class KubernetesWorkloads {
  readonly #parts: Parts;
  readonly #applied = new Map<string, { hash: string; generation: number | undefined }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async apply(workload: Workload): Promise<void> {
    const { mirrors } = this.#parts;
    const served = this.#parts.servedOf(workload);
    // What protects the pods is there before them.
    await Promise.all([
      this.#ensure('NetworkPolicy', mirrors.policies, networkPolicy(served)),
      this.#ensure('Service', mirrors.services, service(served)),
      workload.replicas > 1
        ? this.#ensure('PodDisruptionBudget', mirrors.budgets, disruptionBudget(served))
        : this.#drop('PodDisruptionBudget', mirrors.budgets, workload.instance),
    ]);
    await this.#ensure('Deployment', mirrors.deployments, deployment(served));
  }

  async remove(instance: number): Promise<void> {
    const { mirrors } = this.#parts;
    await this.#drop('Deployment', mirrors.deployments, instance);
    await this.#drop('PodDisruptionBudget', mirrors.budgets, instance);
    await this.#drop('Service', mirrors.services, instance);
    await this.#drop('NetworkPolicy', mirrors.policies, instance);
  }

  async observe(instance: number): Promise<ObservedReplica[]> {
    const pods = await this.#parts.mirrors.pods.of(owners.instance(instance));
    const deployed = (await this.#parts.mirrors.deployments.of(owners.instance(instance)))[0];
    const urls = await this.#urls(instance);
    const replicas = pods.filter(counts).map((pod) => replicaOf(pod, deployed === undefined, urls));
    return replicas.length === 0 && deployed ? [withoutPods(deployed)] : replicas;
  }

  async list(): Promise<number[]> {
    const { deployments, services, policies, budgets } = this.#parts.mirrors;
    const all = await Promise.all([deployments.all(), services.all(), policies.all(), budgets.all()]);
    const ids = all.flat().map((each: Held) => Number(each.metadata.labels?.[labels.instance]));
    return [...new Set(ids.filter(Number.isInteger))];
  }

  async logs(instance: number, lines: number): Promise<string[]> {
    const pods = (await this.#parts.mirrors.pods.of(owners.instance(instance))).filter(counts);
    const all = await Promise.all(pods.map(async (pod) => this.#logOf(pod, lines, pods.length > 1)));
    return all.flat();
  }

  async #logOf(pod: Live<V1Pod>, lines: number, named: boolean): Promise<string[]> {
    const { name } = pod.metadata;
    const status = pod.status?.containerStatuses?.find((each) => each.name === 'engine');
    const options = { lines, container: 'engine' };
    const now = await this.#parts.client.log(name, options);
    // One that has just begun again has nothing to say yet of why the last one ended.
    const text =
      now === '' && (status?.restartCount ?? 0) > 0
        ? await this.#parts.client.log(name, { ...options, previous: true })
        : now;
    const all = text.split('\n');
    if (all.at(-1) === '') all.pop();
    return named ? all.map((line) => `[${name}] ${line}`) : all;
  }

  /** Applies what is missing, what was rendered otherwise before, and what somebody changed by hand. */
  async #ensure<T>(kind: Kind, mirror: Mirror<T>, manifest: T & Manifest): Promise<void> {
    const hash = digestOf(manifest).slice(0, 16);
    const name = manifest.metadata?.name as string;
    const live = await mirror.get(name);
    if (live && live.metadata.deletionTimestamp === undefined) {
      if (live.metadata.annotations?.[annotations.rendered] === hash && this.#asApplied(live, hash, manifest)) return;
    } else if (!live) await this.#refuseForeign(kind, name);
    const metadata = manifest.metadata as { annotations?: Record<string, string> };
    const marked = { ...metadata, annotations: { ...metadata.annotations, [annotations.rendered]: hash } };
    const applied = await this.#parts.client.apply<T & Manifest>(kind, { ...manifest, metadata: marked });
    mirror.put(applied);
    this.#applied.set(applied.metadata.uid, { hash, generation: applied.metadata.generation });
  }

  /** Where the server writes a field of ours in its own way, what it answered with when we applied it is no drift. */
  #asApplied(live: Held, hash: string, { apiVersion: _version, kind: _kind, ...rendered }: Manifest): boolean {
    if (carries(live, rendered)) return true;
    const before = this.#applied.get(live.metadata.uid);
    return before?.hash === hash && before.generation !== undefined && before.generation === live.metadata.generation;
  }

  /** Applying would take over what somebody else made under the name. */
  async #refuseForeign(kind: Kind, name: string): Promise<void> {
    const there = await this.#parts.client.read(kind, name);
    if (!there || there.metadata.labels?.[labels.region] === this.#parts.region) return;
    throw conflict('name_taken', `A ${kind} named ${name} is there that EcoLink did not make.`, {
      nextStep: 'Rename or remove it.',
    });
  }

  async #drop<T>(kind: Kind, mirror: Mirror<T>, instance: number): Promise<void> {
    const live = await mirror.get(workloadName(instance, this.#parts.region));
    if (!live || live.metadata.deletionTimestamp !== undefined) return;
    await this.#parts.client.delete(kind, live.metadata.name, live.metadata.uid);
    mirror.forget(live);
    this.#applied.delete(live.metadata.uid);
  }

  /** Of the pods that the cluster counts as ready, by pod name. */
  async #urls(instance: number): Promise<Map<string, string>> {
    const urls = new Map<string, string>();
    for (const slice of await this.#parts.mirrors.slices.of(owners.instance(instance))) {
      const port = slice.ports?.[0]?.port;
      for (const endpoint of slice.endpoints ?? []) {
        const { targetRef, conditions, addresses } = endpoint;
        const address = addresses[0];
        if (!conditions?.ready || targetRef?.name === undefined || port === undefined || address === undefined)
          continue;
        urls.set(targetRef.name, await this.#parts.urlOf(targetRef.name, address, port));
      }
    }
    return urls;
  }
}

/** A pod that ended for good, or went down with its node, is only a trace: its Deployment has made another. */
function counts(pod: Live<V1Pod>): boolean {
  return !['Succeeded', 'Failed'].includes(pod.status?.phase ?? '') && !isLost(pod, Date.now());
}

function replicaOf(pod: Live<V1Pod>, ending: boolean, urls: ReadonlyMap<string, string>): ObservedReplica {
  const id = pod.metadata.name;
  const restarts = (pod.status?.containerStatuses ?? []).reduce((sum, each) => sum + each.restartCount, 0);
  const url = urls.get(id);
  if (ending || pod.metadata.deletionTimestamp !== undefined) return { id, state: 'stopping', restarts };
  if (isReady(pod) && url !== undefined) return { id, state: 'ready', url, restarts };
  const trouble = troubleOf(pod);
  if (!trouble) return { id, state: 'starting', restarts };
  const reason: Reason = { code: trouble.code, message: trouble.message };
  return { id, state: 'waiting', restarts, reason, ...(trouble.final ? { failed: true as const } : {}) };
}

/** A Deployment whose pods are not there yet, or are not let in. */
function withoutPods(deployed: Live<V1Deployment>): ObservedReplica {
  const { name } = deployed.metadata;
  const current = deployed.status?.observedGeneration === deployed.metadata.generation;
  const refusal = deployed.status?.conditions?.find((each) => each.type === 'ReplicaFailure' && each.status === 'True');
  if (!current || refusal?.message === undefined) return { id: name, state: 'starting', restarts: 0 };
  return { id: name, state: 'waiting', restarts: 0, reason: whyNotCreated(refusal.message), failed: true };
}
