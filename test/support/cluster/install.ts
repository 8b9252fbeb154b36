import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { forward, helm, kubectl, kubectlWith } from './programs.ts';
import type { Forward } from './programs.ts';

export const chart = fileURLToPath(new URL('../../../deploy/chart', import.meta.url));

/** What the cluster suite is told from outside. */
export const given = {
  /** EcoLink's own image, as the cluster can start it. */
  image: process.env['ECOLINK_TEST_IMAGE'] ?? '',
  /** An image with llama.cpp's server; EcoLink's own unless given. */
  engineImage: process.env['ECOLINK_TEST_ENGINE_IMAGE'] ?? process.env['ECOLINK_TEST_IMAGE'] ?? '',
  /** The server's path in that image, where it is not the image's entry point. */
  engineCommand: process.env['ECOLINK_TEST_ENGINE_COMMAND'],
  /** What the cluster's default storage class can: kind's and k3s's is ReadWriteOnce. */
  accessMode: process.env['ECOLINK_TEST_ACCESS_MODE'] ?? 'ReadWriteMany',
  /** An address of this machine that pods reach. */
  host: process.env['ECOLINK_TEST_HOST'] ?? '',
};

export interface InstallOptions {
  hubEndpoint: string;
  /** Fields of a region beside name, node selector and accelerators. */
  region?: (name: string) => object;
  /** Beside regions and runtimes. */
  config?: object;
  /** Beside image, config and environment. */
  values?: object;
  /** Runtimes beside llama.cpp. */
  runtimes?: object[];
  /** Objects that are there before EcoLink is. */
  before?: object[];
}

export type Answer = Record<string, unknown> & { error?: { code: string; message: string } };

/** EcoLink in the cluster, installed by the chart into a namespace of its own that enforces Pod Security "restricted". */
export class Installation implements AsyncDisposable {
  readonly namespace = `ecolink-${randomBytes(4).toString('hex')}`;
  #forward: Promise<Forward> | undefined;
  #token = '';
  #serverUrl = '';
  #atFirst: string[] = [];

  /** Regions are told apart by a label of their nodes. */
  async start(options: InstallOptions): Promise<void> {
    await kubectlWith(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: this.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
      },
      'create',
    );
    for (const object of options.before ?? []) await this.create(object);
    this.#serverUrl = await this.#serverAddress();
    await this.upgrade(options);
    this.#token = (await this.kubectl('exec', 'deploy/ecolink', '--', 'cat', '/data/local-token')).trim();
    this.#atFirst = await this.#objects();
  }

  /** What callers prove themselves with. */
  get token(): string {
    return this.#token;
  }

  /** Installs the chart, or changes what is installed. */
  async upgrade(options: InstallOptions): Promise<void> {
    const [repository, tag] = splitImage(given.image);
    const values = {
      image: { repository, tag },
      config: {
        default_regions: 2,
        regions: regions(options.region),
        runtimes: [llamaCpp(), ...(options.runtimes ?? [])],
        ...options.config,
      },
      environment: { HF_ENDPOINT: options.hubEndpoint },
      // These tests look for EcoLink and its models in one place.
      modelsNamespace: this.namespace,
      gateway: { serverUrl: this.#serverUrl },
      ...options.values,
    };
    const set = Object.entries(values).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
    await helm('upgrade', '--install', 'ecolink', chart, '-n', this.namespace, '--wait', '--timeout', '120s', ...set);
    await this.#endForward();
  }

  /**
   * The address of the server's Service, in a cluster without DNS; otherwise empty. The Service must exist before the
   * chart, which takes it over.
   */
  async #serverAddress(): Promise<string> {
    const dns = await kubectl('get', 'service', '-n', 'kube-system', '-l', 'k8s-app=kube-dns', '-o', 'name');
    if (dns.trim() !== '') return '';
    const port = 7420;
    await this.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'ecolink',
        labels: { 'app.kubernetes.io/managed-by': 'Helm', 'app.kubernetes.io/component': 'server' },
        annotations: { 'meta.helm.sh/release-name': 'ecolink', 'meta.helm.sh/release-namespace': this.namespace },
      },
      spec: { ports: [{ name: 'http', port, targetPort: 'http' }] },
    });
    const address = await this.kubectl('get', 'service', 'ecolink', '-o', 'jsonpath={.spec.clusterIP}');
    return `http://${address}:${port}`;
  }

  /** Ends EcoLink's own pod without a word to it, and waits until its successor answers. */
  async killServer(): Promise<void> {
    await this.kubectl('delete', 'pod', '-l', server, '--grace-period=0', '--force');
    await this.#endForward();
    for (const end = Date.now() + 120_000; ; await delay(200)) {
      const pods = await this.list('pods', server);
      if (pods.length === 1 && pods.every(isReady)) return;
      if (Date.now() > end) expect.fail(`EcoLink does not come back\n${await this.#story()}`);
    }
  }

  kubectl(...args: string[]): Promise<string> {
    return kubectl('-n', this.namespace, ...args);
  }

  create(manifest: object): Promise<string> {
    return kubectlWith(manifest, '-n', this.namespace, 'create');
  }

  /** Objects of a kind in the namespace. */
  async list<T = KubernetesItem>(kind: string, selector = ''): Promise<T[]> {
    const text = await this.kubectl('get', kind, '-l', selector, '-o', 'json');
    return (JSON.parse(text) as { items: T[] }).items;
  }

  /** Names of what is there beside EcoLink itself and was not when it was installed, volumes of the cluster too. */
  async leftovers(): Promise<string[]> {
    return (await this.#objects()).filter((name) => !this.#atFirst.includes(name));
  }

  async #objects(): Promise<string[]> {
    const kinds =
      'deployments,replicasets,services,endpointslices,jobs,pods,secrets,configmaps,networkpolicies,poddisruptionbudgets,persistentvolumeclaims';
    // Helm's own notes of each install and upgrade are of the release, as EcoLink's parts are.
    const objects = await this.list(kinds, 'app.kubernetes.io/component notin (server,gateway),owner!=helm');
    const volumes = JSON.parse(await kubectl('get', 'persistentvolumes', '-o', 'json')) as { items: KubernetesItem[] };
    const ours = volumes.items.filter(
      ({ spec }) => (spec['claimRef'] as { namespace: string } | undefined)?.namespace === this.namespace,
    );
    return [...objects, ...ours].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  }

  /** What runs there calls it, and so do tests; a forward that ended with its pod is made again. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, ...(init.headers as Record<string, string> | undefined) };
    // One for all who call at the same moment: each more would outlive the tests.
    const forwarded = (this.#forward ??= forward(this.namespace, 'deploy/ecolink', 7420));
    try {
      return await fetch((await forwarded).url + path, { ...init, headers });
    } catch (thrown) {
      if (this.#forward === forwarded) await this.#endForward();
      throw thrown;
    }
  }

  async #endForward(): Promise<void> {
    const forwarded = this.#forward;
    this.#forward = undefined;
    await (await forwarded?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  /** Runs an operation; a failure is in `error`. */
  async run(operation: string, input: object = {}): Promise<Answer> {
    const answer = await this.fetch(`/api/operations/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
    return (await answer.json()) as Answer;
  }

  /** As `run`, for what must succeed. */
  async do(operation: string, input: object = {}): Promise<Answer> {
    const answer = await this.run(operation, input);
    if (answer.error) throw new Error(`${operation}: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  /** A port of this machine that leads to one of the gateways' pods. */
  forwardGateway(): Promise<Forward> {
    return forward(this.namespace, 'deploy/ecolink-gateway', 7421);
  }

  /** One short call of a chat model, through the gateway. */
  chat(model: string, more: object = {}): Promise<Response> {
    return this.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, max_tokens: 4, messages: [{ role: 'user', content: 'hello' }], ...more }),
    });
  }

  /** Waits until the instance is as asked; says how it is, and what the cluster holds, where it does not come to that. */
  async until(instance: number, state: string, seconds = 120): Promise<Answer> {
    return this.#watch(instance, `is not ${state}`, seconds, (seen) => (seen['state'] === state ? seen : undefined));
  }

  /** Waits until the instance gives this reason in a region, and answers with its sentence. */
  async reason(instance: number, code: string, seconds = 90): Promise<string> {
    interface Regional {
      regions?: { reason?: { code: string; message: string } }[];
    }
    return this.#watch(instance, `does not say ${code}`, seconds, (seen) => {
      const regions = (seen as Regional).regions ?? [];
      return regions.find((region) => region.reason?.code === code)?.reason?.message;
    });
  }

  async #watch<T>(
    instance: number,
    unlike: string,
    seconds: number,
    look: (seen: Answer) => T | undefined,
  ): Promise<T> {
    for (const end = Date.now() + seconds * 1000; ; await delay(500)) {
      const seen = await this.run('get_instance', { instance: String(instance) }).catch((): Answer => ({}));
      const found = look(seen);
      if (found !== undefined) return found;
      if (Date.now() > end)
        expect.fail(`instance ${instance} ${unlike}: ${JSON.stringify(seen)}\n${await this.#story()}`);
    }
  }

  /** What `list_cache` says of a repo's volume. */
  async cached(repo: string): Promise<string | undefined> {
    const { items } = (await this.do('list_cache')) as unknown as { items: { repo: string; state: string }[] };
    return items.find((each) => each.repo === repo)?.state;
  }

  /** Stops an instance, waits until its replicas are gone, and deletes it. */
  async remove(instance: number): Promise<void> {
    await this.do('stop_instance', { instance: String(instance) });
    await this.until(instance, 'stopped', 200);
    await this.do('delete_instance', { instance: String(instance) });
  }

  async #story(): Promise<string> {
    const parts = await Promise.all([
      this.kubectl('get', 'all,pvc,events', '-o', 'wide').catch(String),
      this.kubectl('logs', 'deploy/ecolink', '--tail=40').catch(String),
    ]);
    return parts.join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endForward();
    await helm('uninstall', 'ecolink', '-n', this.namespace, '--ignore-not-found').catch(() => '');
    await kubectl('delete', 'namespace', this.namespace, '--wait=false');
  }
}

const server = 'app.kubernetes.io/component=server';

function isReady(pod: KubernetesItem): boolean {
  const conditions = (pod.status['conditions'] ?? []) as { type: string; status: string }[];
  return conditions.some((each) => each.type === 'Ready' && each.status === 'True');
}

export interface KubernetesItem {
  apiVersion: string;
  kind: string;
  metadata: { name: string; uid: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
}

export const regionNames = ['eu', 'us'] as const;

function regions(more: InstallOptions['region']): object[] {
  return regionNames.map((name) => ({
    name,
    kind: 'kubernetes',
    node_selector: { 'topology.kubernetes.io/region': name },
    access_mode: given.accessMode,
    accelerators: [{ name: 'gpu', resource: 'nvidia.com/gpu' }],
    ...more?.(name),
  }));
}

/** The built-in definition with the image that this cluster has. */
export function llamaCpp(): object {
  const builtIn = builtInKubernetes().find((runtime) => runtime.name === 'llama.cpp');
  const command = given.engineCommand === undefined ? {} : { command: [given.engineCommand] };
  // Many engines share one machine here, and each would take all of its cores.
  const environment = { LLAMA_ARG_THREADS: '1' };
  // No call of these tests takes it longer, and every stop takes as long.
  return { ...builtIn, image: given.engineImage, environment, drain_seconds: 10, ...command };
}

function splitImage(image: string): [string, string] {
  const colon = image.lastIndexOf(':');
  return [image.slice(0, colon), image.slice(colon + 1)];
}
