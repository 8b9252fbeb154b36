import type { ConfigFile } from './schema.ts';

/** The configuration of a process: the file, the environment, and their defaults. */
export interface Config extends ConfigFile {
  /** Possible paths of the file. The first that exists counts. */
  files: readonly string[];
  dataDir: string;
  /** No other account uses this machine, as in a container. Then nobody else can write around the data folder. */
  singleUser: boolean;
  host: string;
  port: number;
  /** Host names of the server besides its address, such as those of a Service or an Ingress. */
  allowedHosts: readonly string[];
  /** URL of the server for browsers. Links use it. Default: the address where it listens. */
  publicUrl?: string;
  /** A PostgreSQL URL. Default: SQLite in the data folder. */
  databaseUrl?: string;
  hub: { endpoint: string };
  logLevel: string;
  logPretty: boolean;
  secrets: Secrets;
  /** The part of the environment that engines and downloads get. */
  childEnvironment: Record<string, string>;
}

/** All secrets are here, so that the rest of a config can be printed. */
export interface Secrets {
  /** Key of the hash chain in the audit log: a value in base64, or the file that contains it. */
  auditKey: { value?: string; file: string };
  /** Keys of stored secrets: base64 values, separated by commas, or the file that contains them. The first one seals. */
  key: { value?: string; file: string };
  /**
   * The key (PEM) that signs what gateways get, and the credential that lets them in. Default: files in the data folder. A
   * gateway on another machine has the public key or its certificate, and the credential.
   */
  gateway: { signingKey?: string; publicKey?: string; credential?: string };
  hfToken?: string;
  slack?: SlackSecrets;
}

/** Has either `botToken` (the token of one workspace) or `oauth` (workspaces install the app themselves). */
export interface SlackSecrets {
  botToken?: string;
  oauth?: { clientId: string; clientSecret: string };
  signingSecret?: string;
  appToken?: string;
  apiUrl?: string;
}
