import type { ConfigFile } from './schema.ts';

/** Everything that is decided before the start: the file, the environment, and their defaults. */
export interface Config extends ConfigFile {
  /** Where the file may be; the first that is there counts. */
  files: readonly string[];
  dataDir: string;
  host: string;
  port: number;
  /** Names, beside its address, under which callers reach the server: a Service's, an Ingress's. */
  allowedHosts: readonly string[];
  /** Where people's browsers reach the server, for links in messages; where it listens unless given. */
  publicUrl?: string;
  /** A PostgreSQL URL; SQLite in the data folder where it is absent. */
  databaseUrl?: string;
  hub: { endpoint: string };
  logLevel: string;
  logPretty: boolean;
  secrets: Secrets;
  /** What engines and downloads may see of this process's environment. */
  childEnvironment: Record<string, string>;
}

/** Kept apart from the rest, so that printing a config by mistake shows less. */
export interface Secrets {
  /** What the audit is chained with: a value in base64, or the file that holds it. */
  auditKey: { value?: string; file: string };
  /** What stored credentials are sealed with: a value in base64 (the first of several seals), or the file that holds it. */
  key: { value?: string; file: string };
  hfToken?: string;
  slack?: SlackSecrets;
}

/** One of `botToken` (the token of one workspace) and `oauth` (workspaces install the app themselves). */
export interface SlackSecrets {
  botToken?: string;
  oauth?: { clientId: string; clientSecret: string };
  signingSecret?: string;
  appToken?: string;
  apiUrl?: string;
}
