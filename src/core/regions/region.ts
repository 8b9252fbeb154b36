import type { PullEvent, PullManifest } from '../download/manifest.ts';

/** Download progress as instances and volumes show it. */
export interface Progress {
  done: number;
  total: number;
  /** Bytes per second. */
  rate: number;
  seconds_left: number | null;
}

/** A failure as it is stored and shown: a code and a sentence. */
export interface Reason {
  code: string;
  message: string;
}

/** What a region sees of one volume right now. */
export type ObservedVolume =
  | { state: 'absent' }
  /** Somebody deleted it, and what still holds it back keeps it there for now. It comes back never. */
  | { state: 'deleting' }
  | { state: 'partial'; bytes: number }
  /** `reason`: why nothing moves, though it may yet. */
  | { state: 'downloading'; attempt: number; progress?: Progress; reason?: Reason }
  | { state: 'failed'; attempt: number; failure: Extract<PullEvent, { type: 'failed' }> }
  | { state: 'ready'; bytes: number };

/** One replica as the region sees it; `url` is where the gateway reaches it, set once it is healthy. */
export interface ObservedReplica {
  id: string;
  state: 'starting' | 'ready' | 'waiting' | 'stopping';
  url?: string;
  /** Where it is reached, healthy or not; unknown where it has no address yet. */
  address?: string;
  /** What it runs on reports nothing any more: calls that it has not begun to answer are better off elsewhere. */
  silent?: true;
  restarts: number;
  /** Ends in a row without service in between; as many as `restarts` unless given. */
  crashes?: number;
  /** The image that it was made from, and what was found under that name. */
  image?: { of: string; digest: string };
  /** Why it is waiting: the last exit, in words. */
  reason?: Reason;
  /** Waiting does not help: somebody has to act on the reason. */
  failed?: true;
}

export type ModelLocation =
  | { kind: 'volume'; volume: string; file?: string }
  | { kind: 'filesystem'; filesystem: string; subfolder: string; file?: string };

/** Everything that decides how an instance runs in a region: two equal specs need no change. */
export interface Workload {
  instance: number;
  replicas: number;
  location: ModelLocation;
  servedName: string;
  runtime: string;
  arguments: readonly string[];
  /** In place of the runtime's own. */
  image?: string;
  /** Of the weights: how long a replica may take to load them follows from it. */
  bytes?: number;
  /** Of each replica. */
  accelerator?: { name: string; count: number };
  /** Changes when the running replicas must be replaced (restart, another entry). */
  generation: number;
}

export interface FolderEntry {
  path: string;
  size: number;
  mtimeMs: number;
}

/** A shared filesystem as its region has it. */
export interface RegionFilesystem {
  name: string;
  mountPath: string;
  state: 'usable' | 'unusable' | 'unknown';
  /** Why it is not usable, or not known to be. */
  reason?: Reason;
}

/** `reason`: why the region does not say; what it last said stands. */
export interface RegionFilesystems {
  filesystems: RegionFilesystem[];
  reason?: Reason;
}

export interface RegionStatus {
  reachable: boolean;
  version?: string;
  reason?: Reason;
  storage?: { free: number; total: number };
  /** As the region counts them itself; null where it may not look. */
  accelerators?: {
    name: string;
    total: number | null;
    free: number | null;
    /** The most on one node. */
    largest?: number;
  }[];
  /** What new volumes are made from. */
  storageClass?: string;
  /** Rights that EcoLink needs there and does not have, as `verb resource`. */
  missingPermissions?: string[];
}

/**
 * A place that can run instances. Every method reads the world as it is and may be called again at any time: what is
 * already so stays so. None waits for the work it starts.
 */
export interface Region {
  readonly name: string;
  readonly kind: 'local' | 'kubernetes';
  status(): Promise<RegionStatus>;

  observeVolume(key: string): Promise<ObservedVolume>;
  /**
   * Starts attempt `attempt` unless a download of the volume runs already. `token` goes to the downloader and nowhere else.
   * `accelerators`: of those who will read it; unknown where nobody reads it yet.
   */
  startDownload(
    key: string,
    manifest: PullManifest,
    attempt: number,
    token: string | undefined,
    accelerators?: readonly string[],
  ): Promise<void>;
  stopDownload(key: string): Promise<void>;
  /** Reads every byte of a complete volume again; answers with what is wrong, in words, or with nothing. */
  verifyVolume(key: string): Promise<string[]>;
  /** What an eviction would leave behind, in words; nothing where it frees the bytes. */
  remains(key: string): Promise<string | undefined>;
  /** Those of the volumes whose bytes an eviction would leave behind, as far as that is known at once. Throws nothing. */
  keptOf(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Why none of the nodes that reach the volume could run a replica with such accelerators, in words, as far as that is known. */
  outOfReach(key: string, accelerator: { name: string; count: number }): Promise<string | undefined>;
  /** Removes the volume and answers with the bytes it held; undefined where the region cannot tell. */
  deleteVolume(key: string): Promise<number | undefined>;

  /** Throws nothing for the region's sake. */
  filesystems(): Promise<RegionFilesystems>;
  listFolder(filesystem: string, subfolder: string): Promise<FolderEntry[]>;
  readFile(filesystem: string, path: string, maximumBytes: number): Promise<Buffer>;
  /** The first bytes of a file of any size; undefined where the region cannot read them cheaply. */
  readHead?(filesystem: string, path: string, bytes: number): Promise<Buffer | undefined>;

  observeWorkload(instance: number): Promise<ObservedReplica[]>;
  applyWorkload(workload: Workload): Promise<void>;
  /**
   * Asks for the end of every replica, and of what is around them once they are gone: called until `observeWorkload`
   * answers with an empty list.
   */
  removeWorkload(instance: number): Promise<void>;
  /** Forgets an instance whose replicas are gone, logs included. */
  eraseWorkload(instance: number): Promise<void>;
  logs(instance: number, lines: number): Promise<string[]>;
  /** Ids of instances that have anything running or recorded here. */
  listWorkloads(): Promise<number[]>;

  /** Ends everything that would be left behind on this machine; a region elsewhere goes on by itself. */
  endAll(): Promise<void>;
  close(): Promise<void>;
}
