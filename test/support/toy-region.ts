import { z } from 'zod';
import type { RegionCapabilities } from '../../src/core/region/capabilities.ts';
import { defineRegionKind } from '../../src/core/region/kind.ts';
import type { RegionDeps, RegionKind } from '../../src/core/region/kind.ts';
import type { Region, Workload } from '../../src/core/region/region.ts';

const toySchema = z.strictObject({
  name: z.string(),
  kind: z.literal('toy'),
  colour: z.enum(['red', 'blue']),
  accelerators: z.array(z.strictObject({ name: z.string() })).default([]),
});

/** The kind `toy`. `listFolder` is called before the folder of the only model is listed. */
export function toyKind({ listFolder = async () => {} }: ToyOptions = {}): RegionKind {
  return defineRegionKind({
    settings: { kind: 'toy', schema: toySchema },
    capabilities: ({ colour }) => ({
      runtimeKind: 'local',
      endsWithServer: false,
      replicasDrain: false,
      pollMs: { restless: 50, settled: 1000 },
      // A blue toy runs no images, a red one any.
      imagesAllowed: colour === 'blue' ? [] : undefined,
      oneNodeVolumes: false,
    }),
    load: async () => (deps) => new ToyRegion(deps, listFolder),
  });
}

interface ToyOptions {
  listFolder?: () => Promise<void>;
}

type ToyDeps = RegionDeps & { config: z.output<typeof toySchema>; capabilities: RegionCapabilities };

/** A region in memory. Downloads are complete at once, replicas are ready at once, and every folder has the same model. */
class ToyRegion implements Region {
  readonly kind = 'toy';
  readonly name: string;
  readonly capabilities: RegionCapabilities;
  readonly #deps: ToyDeps;
  readonly #volumes = new Map<string, number>();
  readonly #workloads = new Map<number, Workload>();

  readonly #beforeList: () => Promise<void>;

  constructor(deps: ToyDeps, beforeList: () => Promise<void>) {
    this.name = deps.config.name;
    this.capabilities = deps.capabilities;
    this.#deps = deps;
    this.#beforeList = beforeList;
  }

  status = async () => ({ reachable: true, version: this.#deps.config.colour });

  observeVolume: Region['observeVolume'] = async (key) => {
    const bytes = this.#volumes.get(key);
    return bytes === undefined ? { state: 'absent' } : { state: 'ready', bytes };
  };

  startDownload: Region['startDownload'] = async (key, manifest) => {
    this.#volumes.set(
      key,
      manifest.files.reduce((sum, file) => sum + file.size, 0),
    );
    this.#deps.volumeChanged(key);
  };

  stopDownload = async () => {};
  verifyVolume = async () => [];
  storageOf = async () => new Map();
  remains = async () => undefined;
  keptOf = async () => new Set<string>();
  outOfReach = async () => undefined;

  deleteVolume = async (key: string) => {
    const bytes = this.#volumes.get(key);
    this.#volumes.delete(key);
    return bytes;
  };

  filesystems = async () => ({ filesystems: [] });
  listFolder = async () => {
    await this.#beforeList();
    return [
      { path: 'config.json', size: 2, mtimeMs: 0 },
      { path: 'model.safetensors', size: 7, mtimeMs: 0 },
    ];
  };

  readFile = async () => Buffer.from('{}');

  observeWorkload: Region['observeWorkload'] = async (instance) =>
    Array.from({ length: this.#workloads.get(instance)?.replicas ?? 0 }, (_, index) => ({
      id: `toy-${instance}-${index}`,
      state: 'ready',
      url: 'http://127.0.0.1:9',
      restarts: 0,
    }));

  applyWorkload = async (workload: Workload) => {
    this.#workloads.set(workload.instance, workload);
  };

  removeWorkload = async (instance: number) => {
    this.#workloads.delete(instance);
  };

  eraseWorkload = async () => {};

  logs = async (instance: number) => [`serving ${this.#workloads.get(instance)?.servedName}`];
  listWorkloads = async () => [...this.#workloads.keys()];
  endAll = async () => {};
  close = async () => {};
}

/** For `ecolink.yaml`: the region `box` of this kind, its filesystem `nfs`, and a runtime for its model. */
export const toyConfig = `
regions: [{ name: box, kind: toy, colour: red, accelerators: [{ name: h100 }] }]
filesystems: [{ name: nfs, region: box }]
runtimes:
  - { name: any, kind: local, categories: [chat], formats: [safetensors], command: [sleep, "60"] }
`;
