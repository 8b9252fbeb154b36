import type { Config } from '../config/config.ts';
import type { BuiltInAddition } from '../config/schema.ts';
import type { RegionConfig } from '../config/region-settings.ts';
import { fail } from '../base/errors.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import { run, say } from '../base/prose.ts';
import type { Page } from '../base/paging.ts';
import type { Category, WeightFormat } from '../base/categories.ts';
import { builtInLocal } from '../runtimes/built-in.ts';
import { builtInKubernetes } from '../runtimes/kubernetes-built-in.ts';
import { serves } from '../runtimes/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { findFilesystem, viewFilesystems } from './filesystems.ts';
import type { Filesystem, FilesystemView } from './filesystems.ts';
import type { Region } from './region.ts';

interface PageQuery {
  cursor?: string | undefined;
  limit: number;
}

export interface RegionView {
  name: string;
  kind: string;
  reachable: boolean;
  version?: string | undefined;
  reason?: string | undefined;
  accelerators: { name: string; total: number | null; free: number | null; price_per_hour: number | null }[];
  storage_free_bytes: number | null;
  storage_class?: string | undefined;
  missing_permissions: string[];
  runtimes: string[];
}

/** The regions, filesystems, runtimes and prices of the configuration. */
export interface Fleet {
  /** In how many regions a launch runs that names none. */
  readonly defaultRegions: number;
  regions(): Region[];
  /** Throws `region_not_found` with the names of the regions that exist. */
  region(name: string): Region;
  /** Throws `filesystem_not_found` with the names of the filesystems that exist. */
  filesystem(name: string): Promise<Filesystem>;
  /** Throws `region_not_found` as `region` does. */
  configOf(region: string): RegionConfig;
  runtimes(region: string): Runtime[];
  /** Runtimes of a region that serve this kind of model. Those of the configuration come first. */
  runtimesFor(region: string, category: Category, format: WeightFormat, task?: string): Runtime[];
  /** 0 without an accelerator; null if the configuration has no price for it. */
  pricePerHour(accelerator: string | undefined): number | null;
  listRegions(query: PageQuery): Promise<Page<RegionView>>;
  listFilesystems(query: PageQuery): Promise<Page<FilesystemView>>;
}

export function createFleet(config: Config, regions: readonly Region[]): Fleet {
  const all = runtimesOf(config);
  const pricePerHour = (accelerator: string | undefined): number | null =>
    accelerator === undefined ? 0 : (config.prices[accelerator] ?? null);
  const fleet: Fleet = {
    defaultRegions: config.default_regions,
    regions: () => [...regions],
    region: (name) => named(regions, name),
    filesystem: (name) => findFilesystem(name, config.filesystems, regions),
    configOf: (name) => named(config.regions, name),
    runtimes: (name) => all.filter((runtime) => runtime.kind === fleet.region(name).capabilities.runtimeKind),
    runtimesFor: (name, category, format, task) =>
      fleet.runtimes(name).filter((runtime) => serves(runtime, category, format, task)),
    pricePerHour,
    async listRegions(query) {
      const page = pageBy(regions, (region) => region.name, query);
      return { ...page, items: await Promise.all(page.items.map((region) => viewOf(region, fleet))) };
    },
    async listFilesystems(query) {
      const { views } = await viewFilesystems(config.filesystems, regions);
      // Two regions may each have a filesystem of the same name.
      return pageBy(views, (each) => `${each.name} ${each.region}`, query);
    },
  };
  return fleet;
}

/** Configured runtimes first, then built-in ones with the flags that the configuration adds to them. */
function runtimesOf(config: Config): Runtime[] {
  const own = config.runtimes.flatMap((entry) => (entry.kind === 'built-in' ? [] : [entry]));
  const builtIn = [...builtInLocal(config.childEnvironment['PATH']), ...builtInKubernetes()];
  const replaced = new Set(own.map((runtime) => `${runtime.kind} ${runtime.name}`));
  const kept = builtIn.filter((runtime) => !replaced.has(`${runtime.kind} ${runtime.name}`));
  const added = config.runtimes.flatMap((entry) => (entry.kind === 'built-in' ? [entry] : []));
  return [...own, ...kept.map((runtime) => withAddition(runtime, added))];
}

function withAddition(runtime: Runtime, added: readonly BuiltInAddition[]): Runtime {
  const more = added.find(({ name }) => name === runtime.name);
  if (more === undefined) return runtime;
  const changed = {
    launch_arguments: [...runtime.launch_arguments, ...more.launch_arguments],
    arguments: [...runtime.arguments, ...more.arguments],
    environment: { ...runtime.environment, ...more.environment },
    reads_audio: more.reads_audio ?? runtime.reads_audio,
  };
  if (runtime.kind === 'local') return { ...runtime, ...changed };
  // An image of one's own replaces both, unless it comes with another for the CPU.
  const cpuImage = more.cpu_image ?? (more.image === undefined ? runtime.cpu_image : undefined);
  return { ...runtime, ...changed, image: more.image ?? runtime.image, cpu_image: cpuImage };
}

function named<T extends { name: string }>(regions: readonly T[], name: string): T {
  const found = regions.find((region) => region.name === name);
  if (found) return found;
  throw fail('region_not_found', `There is no region "${name}".`, {
    nextStep: say`Name one of the regions that ${run('list_regions')} shows.`,
    field: 'regions',
    validValues: regions.map((region) => region.name),
  });
}

function pageBy<T>(all: readonly T[], keyOf: (each: T) => string, query: PageQuery): Page<T> {
  const after = decodeCursor(query.cursor, 'string');
  const rest = all
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .filter((each) => after === undefined || keyOf(each) > after);
  return pageOf(rest.slice(0, query.limit + 1), query.limit, keyOf, (each) => each);
}

async function viewOf(region: Region, fleet: Fleet): Promise<RegionView> {
  const status = await region.status();
  return {
    name: region.name,
    kind: region.kind,
    reachable: status.reachable,
    version: status.version,
    reason: status.reason?.message,
    accelerators: fleet.configOf(region.name).accelerators.map((each) => {
      const counted = status.accelerators?.find((other) => other.name === each.name);
      return {
        name: each.name,
        total: counted?.total ?? each.total ?? null,
        free: counted?.free ?? null,
        price_per_hour: fleet.pricePerHour(each.name),
      };
    }),
    storage_free_bytes: status.storage?.free ?? null,
    storage_class: status.storageClass,
    missing_permissions: status.missingPermissions ?? [],
    runtimes: fleet.runtimes(region.name).map((runtime) => runtime.name),
  };
}
