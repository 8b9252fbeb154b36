import type { RuntimeConfig } from '../config/schema.ts';

export const sharings = ['link', 'copy', 'clone'] as const;
export type Sharing = (typeof sharings)[number];

/** What sets one region apart from others, for code that knows no kinds of regions. */
export interface RegionCapabilities {
  /** The kind of runtimes that it runs. */
  runtimeKind: RuntimeConfig['kind'];
  /** Its replicas and downloads are processes of this server and end with it. */
  endsWithServer: boolean;
  /** A replica on its way out may still work on calls, so its calls in flight are watched. */
  replicasDrain: boolean;
  /** Time until an instance is checked again if the region reports no change, in milliseconds. */
  pollMs: { restless: number; settled: number };
  /** Patterns of the images that may run there; a `*` stands for anything. Undefined: every image. */
  imagesAllowed?: readonly string[] | undefined;
  /** Variables that the region gives to every engine, besides those of its runtime. */
  engineEnvironment?: Readonly<Record<string, string>> | undefined;
  /** Only one node at a time can mount a volume, so all replicas that read it run there. */
  oneNodeVolumes: boolean;
  /**
   * How a download gets files that another volume of the region has: as links, which take no space, as copies, or because
   * the storage clones one such volume before. Undefined if there is no way.
   */
  sharing?: Sharing | undefined;
}
