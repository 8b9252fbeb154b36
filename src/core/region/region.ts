import type { Progress, Reason } from '../base/reason.ts';
import type { PullEvent, PullManifest } from '../download/manifest.ts';
import type { RegionCapabilities } from './capabilities.ts';

/** The state of one volume in a region at this moment. */
export type ObservedVolume =
  | { state: 'absent' }
  /** It was deleted and something still blocks its removal. It cannot become usable again. */
  | { state: 'deleting' }
  | { state: 'partial'; bytes: number }
  /** `reason`: why it makes no progress, if it may still go on. */
  | { state: 'downloading'; attempt: number; progress?: Progress; reason?: Reason }
  | { state: 'failed'; attempt: number; failure: Extract<PullEvent, { type: 'failed' }> }
  | { state: 'ready'; bytes: number };

/** The state of one replica in a region at this moment. */
export interface ObservedReplica {
  id: string;
  state: 'starting' | 'ready' | 'waiting' | 'stopping';
  /** Base URL for the gateway. Undefined until the replica is healthy. */
  url?: string | undefined;
  /** Base URL, healthy or not. Undefined if it has no address yet. */
  address?: string | undefined;
  /** Its node does not report any more. Calls that it has not begun to answer should go to another replica. */
  silent?: true;
  restarts: number;
  /** Failures in a row, without service in between. The same as `restarts` by default. */
  crashes?: number;
  /** The image that it was made from, and the digest behind that name. */
  image?: { of: string; digest: string };
  /** Why it is waiting, such as its last exit. */
  reason?: Reason | undefined;
  /** Waiting does not help. A person has to act on the reason. */
  failed?: true;
}

export type ModelLocation =
  | { kind: 'volume'; volume: string; file?: string }
  | {
      kind: 'filesystem';
      filesystem: string;
      subfolder: string;
      file?: string;
      /** No replica may start from other files. Undefined for instances of older versions. */
      accepted?: AcceptedFiles | undefined;
    };

/** Everything that decides how an instance runs in a region. Two equal workloads need no change. */
export interface Workload {
  instance: number;
  replicas: number;
  location: ModelLocation;
  servedName: string;
  runtime: string;
  arguments: readonly string[];
  /** Replaces the runtime's image. */
  image?: string;
  /** Size of the weights. The time that a replica may take to load them depends on it. */
  bytes?: number;
  /** For each replica. */
  accelerator?: { name: string; count: number };
  /** Changes when the running replicas must be replaced: after a restart, or for another model. */
  generation: number;
  /**
   * True if the engine sees only its model's folder of a shared filesystem. Instances that an older version launched see
   * all of it until their next restart: another mount would replace their running replicas.
   */
  modelFolderOnly?: boolean | undefined;
}

/** Storage that volumes may share. The same id in two volumes is the same storage. */
export interface StoragePiece {
  id: string;
  bytes: number;
}

export interface FolderEntry {
  path: string;
  size: number;
  mtimeMs: number;
  /** A pipe, a socket or a device. Nothing may open it. */
  special?: true | undefined;
  /** Neither its group nor others may read it. */
  ownerOnly?: true | undefined;
}

/** A file with a hash of its content: of both ends for weights and large files, of all of it for others. */
export interface MarkedFile {
  path: string;
  size: number;
  mtimeMs: number;
  /** `whole:` or `ends:` with a sha256. Undefined if the region cannot read it cheaply. */
  mark?: string | undefined;
}

/** The files that a launch reads, as they were when the launch was accepted. */
export interface AcceptedFiles {
  paths: readonly string[];
  /** See `digestOfFiles`. */
  digest: string;
}

/** The state of a shared filesystem in its region. */
export interface RegionFilesystem {
  name: string;
  mountPath: string;
  state: 'usable' | 'unusable' | 'unknown';
  /** Why it is unusable, or why its state is unknown. */
  reason?: Reason;
}

/** `reason`: why the region did not answer. The list is its last answer then. */
export interface RegionFilesystems {
  filesystems: RegionFilesystem[];
  reason?: Reason;
}

export interface RegionStatus {
  reachable: boolean;
  version?: string;
  reason?: Reason;
  storage?: { free: number; total: number };
  /** As the region counts them. Null if EcoLink may not count them. */
  accelerators?: {
    name: string;
    total: number | null;
    free: number | null;
    /** The largest number on one node. */
    largest?: number;
  }[];
  /** Storage class of new volumes. */
  storageClass?: string;
  /** Rights that EcoLink needs and does not have, as `verb resource`. */
  missingPermissions?: string[];
}

/**
 * A place that can run instances. Every method reads the current state and is idempotent. No method waits for the work
 * that it starts.
 */
export interface Region {
  readonly name: string;
  readonly kind: string;
  readonly capabilities: RegionCapabilities;
  status(): Promise<RegionStatus>;

  observeVolume(key: string): Promise<ObservedVolume>;
  /**
   * Starts attempt `attempt` unless the volume is being downloaded. Only the downloader gets the token. `accelerators`:
   * names of the accelerators that will read the volume; undefined if no instance needs it yet. `donors`: keys of complete
   * volumes with files of equal content, which the download may take.
   */
  startDownload(
    key: string,
    manifest: PullManifest,
    attempt: number,
    token: string | undefined,
    accelerators?: readonly string[],
    donors?: readonly string[],
  ): Promise<void>;
  stopDownload(key: string): Promise<void>;
  /** Reads every byte of a complete volume again. Returns a sentence for each fault. */
  verifyVolume(key: string): Promise<string[]>;
  /** What volumes occupy, piece by piece. Leaves out volumes that share no storage with others. */
  storageOf(keys: readonly string[]): Promise<ReadonlyMap<string, readonly StoragePiece[]>>;
  /** A sentence about the bytes that an eviction would leave behind. Undefined if it frees them all. */
  remains(key: string): Promise<string | undefined>;
  /** The volumes whose bytes an eviction would leave behind, as far as the region knows without asking. Never throws. */
  keptOf(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** A sentence if no node that reaches the volume can run a replica with these accelerators, as far as the region knows. */
  outOfReach(key: string, accelerator: { name: string; count: number }): Promise<string | undefined>;
  /** Deletes the volume. Returns the bytes that it held, or undefined if the region does not know. */
  deleteVolume(key: string): Promise<number | undefined>;

  /** Does not throw if the region cannot be reached. */
  filesystems(): Promise<RegionFilesystems>;
  listFolder(filesystem: string, subfolder: string): Promise<FolderEntry[]>;
  readFile(filesystem: string, path: string, maximumBytes: number): Promise<Buffer>;
  /** The first bytes of a file of any size, perhaps only `headBytes`. Undefined if the region cannot read them cheaply. */
  readHead?(filesystem: string, path: string, bytes: number): Promise<Buffer | undefined>;
  /**
   * Marks the content of files of a folder. Files that do not exist are left out. Without this method, sizes and times
   * have to do.
   */
  markFiles?(filesystem: string, subfolder: string, paths: readonly string[]): Promise<MarkedFile[]>;

  observeWorkload(instance: number): Promise<ObservedReplica[]>;
  applyWorkload(workload: Workload): Promise<void>;
  /**
   * Starts to remove every replica, and after that everything that belongs to them. Called again until
   * `observeWorkload` returns an empty list.
   */
  removeWorkload(instance: number): Promise<void>;
  /** Deletes all data of an instance without replicas, logs included. */
  eraseWorkload(instance: number): Promise<void>;
  /** The key that a replica demands from callers of its API. Undefined if it demands none. Callers never see it. */
  keyOf?(instance: number, url: string): Promise<string | undefined>;
  logs(instance: number, lines: number): Promise<string[]>;
  /** Ids of the instances that have a process or a record in this region. */
  listWorkloads(): Promise<number[]>;

  /** Ends every process on this machine. What runs in another place goes on. */
  endAll(): Promise<void>;
  close(): Promise<void>;
}
