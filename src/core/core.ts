import type { Access } from './access/access.ts';
import type { CredentialLinks } from './access/credentials/credential-links.ts';
import type { CredentialManager } from './access/credentials/credential-manager.ts';
import type { TokenLinks } from './access/tokens/token-links.ts';
import type { TokenManager } from './access/tokens/token-manager.ts';
import type { Claims } from './access/people/claims.ts';
import type { Installations } from './access/workspaces/installations.ts';
import type { Caller } from './base/caller.ts';
import type { ApprovalBoard } from './approvals/approvals.ts';
import type { Config } from './config/config.ts';
import type { EndingBoard } from './instances/ending.ts';
import type { InFlight } from './routing/in-flight.ts';
import type { Routes } from './routing/routes.ts';
import type { Log } from './base/log.ts';
import type { Changes } from './base/changes.ts';

export interface ExecuteOptions {
  /** Ends waiting (`wait_seconds`) when the caller has gone. */
  signal?: AbortSignal;
  requestId?: string;
}

/** All that a front end gets of EcoLink. */
export interface Core extends AsyncDisposable {
  readonly config: Config;
  readonly log: Log;
  readonly access: Access;
  readonly claims: Claims;
  /** The Slack app's own tokens, of each workspace that installed it. */
  readonly installations: Installations;
  /** Adding credentials and rotating their key, which are no operations: a value never goes through one. */
  readonly credentials: CredentialManager & { links: CredentialLinks; url(link: string): string };
  /** Making and revoking tokens: no operations either, for the same reason. */
  readonly tokens: TokenManager & { links: TokenLinks; url(link: string): string };
  readonly routes: Routes;
  /** Whoever sends a call to a replica says so here. */
  readonly inFlight: InFlight;
  readonly changes: Changes;
  /** Requests that wait for people, to be shown to them. Deciding goes through `execute`. */
  readonly approvals: ApprovalBoard;
  /** Runs one operation for one caller. Throws EcolinkError and nothing else; answers with the operation's output. */
  execute(
    operation: string,
    input: unknown,
    caller: Caller,
    options?: ExecuteOptions,
  ): Promise<Record<string, unknown>>;
  /** Instances that stop by themselves soon, for front ends that can reach their owners. */
  readonly endings: EndingBoard;
  /** Throws where the store cannot be read. */
  ping(): Promise<void>;
}
