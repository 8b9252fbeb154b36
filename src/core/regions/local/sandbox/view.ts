/** What an engine sees of the machine. All paths are absolute, and are the same inside. */
export interface SandboxView {
  /** Folders and files of the engine's program, which it may read. */
  programs: readonly string[];
  /** The model's folder, and files elsewhere that its links lead to. */
  model: readonly string[];
  /** What belongs to the server, in case it lies below a folder that engines see. It must exist. */
  hidden: readonly { path: string; folder: boolean }[];
  /** Devices of accelerators. */
  devices: readonly string[];
  /** The most that each of its temporary folders may hold. */
  scratchBytes: number;
  /** The user to become. Undefined: the server's own. */
  user?: (EngineUser & { setpriv: string }) | undefined;
}

export interface SandboxedCommand {
  command: string;
  arguments: string[];
}

/** The user of an engine, if the server runs as root. */
export interface EngineUser {
  uid: number;
  gid: number;
  /** Groups that own the devices of accelerators. */
  groups: readonly number[];
}
