import type { V1Lease } from '@kubernetes/client-node';
import type { Clock } from '../../../base/clock.ts';
import { EcolinkError, fail } from '../../../base/errors.ts';
import type { KubernetesRegionConfig } from '../../../config/kubernetes-region.ts';
import type { KubernetesClient } from './client.ts';
import type { Manifest } from './kinds.ts';
import { labels, metadataFor, nameFor } from './names.ts';

interface OwnershipDeps {
  config: KubernetesRegionConfig;
  client: KubernetesClient;
  clock: Clock;
  /** The identity of the store behind this region. */
  store: string;
}

const taken = 'region_taken';
/** A refusal is kept for this time, in milliseconds: otherwise each instance of the region would ask again. */
const refusedMs = 15_000;

/**
 * A namespace and a region's name belong to one store, because objects with our labels that the store does not know are
 * removed. A Lease names the store. It never ends, because the objects exist whether or not a server runs.
 */
export class Ownership {
  readonly #deps: OwnershipDeps;
  #known: { answer: Promise<void>; untilMs: number } | undefined;

  constructor(deps: OwnershipDeps) {
    this.#deps = deps;
  }

  /** Takes the region if it has no owner. Throws `region_taken` if another store owns it. `anew`: ask the cluster again. */
  async check(options: { anew?: boolean } = {}): Promise<void> {
    const { clock } = this.#deps;
    if (!options.anew && this.#known && this.#known.untilMs > clock.elapsedMs()) return this.#known.answer;
    const known = { answer: this.#take(), untilMs: Number.POSITIVE_INFINITY };
    this.#known = known;
    try {
      await known.answer;
    } catch (thrown) {
      // Any other error may be over at the next call.
      known.untilMs = thrown instanceof EcolinkError && thrown.code === taken ? clock.elapsedMs() + refusedMs : 0;
      throw thrown;
    }
  }

  /** The error if another store owns the region. Takes nothing. */
  async refusal(): Promise<EcolinkError | undefined> {
    return this.#refusal(await this.#holder());
  }

  async #take(): Promise<void> {
    const holder = await this.#holder();
    const { client, store } = this.#deps;
    const created = holder === undefined && (await client.create('Lease', this.#lease()));
    // If another server was faster, it may be one with the same store.
    const error = this.#refusal(created ? store : (holder ?? (await this.#holder())));
    if (error) throw error;
  }

  async #holder(): Promise<string | undefined> {
    return (await this.#deps.client.read('Lease', this.#name()))?.spec?.holderIdentity;
  }

  #refusal(holder: string | undefined): EcolinkError | undefined {
    const { config, store } = this.#deps;
    if (holder === undefined || holder === store) return undefined;
    const { name, namespace } = config;
    return fail(taken, `The region ${name} in the namespace ${namespace} belongs to another EcoLink.`, {
      nextStep: `Give the region another name or namespace in ecolink.yaml. If the other EcoLink no longer exists, run: kubectl -n ${namespace} delete lease ${this.#name()}. This EcoLink then removes what the other one made there.`,
    });
  }

  #name(): string {
    return nameFor('ecolink', this.#deps.config.name);
  }

  #lease(): Manifest<V1Lease> {
    const { config, store } = this.#deps;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: metadataFor(config, { name: this.#name(), labels: { [labels.name]: 'ecolink-region' } }),
      spec: { holderIdentity: store },
    };
  }
}
