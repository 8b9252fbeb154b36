import type { Access } from './access/access.ts';
import type { Managers } from './access/create-managers.ts';
import type { ApprovalBoard } from './approvals/approvals.ts';
import type { Caller, Scope } from './base/caller.ts';
import type { Change, Changes } from './base/changes.ts';
import type { EcolinkError } from './base/errors.ts';
import type { Log } from './base/log.ts';
import type { Config } from './config/config.ts';
import type { EndingBoard } from './instances/ending.ts';
import type { InputOf, OperationName, OutputOf } from './operations/catalogue.ts';
import type { Outbox } from './notify/outbox.ts';
import type { ShownInstance } from './instances/read-instances.ts';
import type { InFlight } from './routing/in-flight.ts';
import type { CallDirectory } from './routing/routing-feed.ts';

export { createInFlight } from './routing/in-flight.ts';
export type { CallDirectory } from './routing/routing-feed.ts';
export type { InFlight, Loss } from './routing/in-flight.ts';
export { admitsCaller } from './runtimes/caller-paths.ts';
export { gatewayFiles } from './routing/gateway-keys.ts';
export type { Api, Replica, Route, Routes } from './routing/routes.ts';
export { createRoutingTable } from './routing/routing-table.ts';
export type { RoutingTable } from './routing/routing-table.ts';
export { readMessage, readPublicKey } from './routing/signed-message.ts';
export type { FeedMessage } from './routing/signed-message.ts';
export { adminNames } from './access/admin-names.ts';
export type { Access, GroupLookup, RevokedToken, SlackWorkspace, TokenSummary } from './access/access.ts';
export type { NewInstallation } from './access/workspaces/installations.ts';
export type { ShownApproval } from './approvals/read.ts';
export type { MessageKey, OutboxMessage, Place } from './notify/outbox-table.ts';
export { priorities } from './notify/outbox.ts';
export type { NewMessage, Outbox } from './notify/outbox.ts';
export type { ShownInstance } from './instances/read-instances.ts';
export { isStoreMade } from './doctor.ts';
export { isOver } from './approvals/states.ts';
export type { Ending } from './instances/ending.ts';
export { allows, isSettled } from './instances/states.ts';
export type { CredentialLink } from './access/credentials/credential-links.ts';
export type { AddedCredential, NewCredential } from './access/credentials/credential-manager.ts';
export type { MadeToken, NewToken } from './access/tokens/token-manager.ts';
export type { Rotated } from './secrets/rotate.ts';

export interface ExecuteOptions {
  /** Aborted when the client disconnects. Ends waiting (`wait_seconds`). */
  signal?: AbortSignal | undefined;
  requestId?: string | undefined;
}

/** Runs one operation for one caller. Throws EcolinkError and nothing else. */
export interface Execute {
  <N extends OperationName>(
    operation: N,
    input: InputOf<N>,
    caller: Caller,
    options?: ExecuteOptions,
  ): Promise<OutputOf<N>>;
  /** For front ends that pass on what a client sent: names that are not known here. The input is checked in both cases. */
  <S extends string>(
    operation: string extends S ? S : never,
    input: unknown,
    caller: Caller,
    options?: ExecuteOptions,
  ): Promise<Record<string, unknown>>;
}

/** Is told of every call. `code`: the code of the error, or `done`. */
export type CallObserver = (operation: OperationName | 'unknown', code: string, seconds: number) => void;

/** EcoLink, as front ends see it. */
export interface Core extends AsyncDisposable, Managers, CallDirectory {
  readonly config: Config;
  readonly log: Log;
  readonly access: Access;
  /** What gateways follow. */
  readonly routingFeed: {
    /** Sends the lines that bring a gateway with the state `after` up to date, then every change and confirmation. */
    follow(after: number | undefined, send: (line: string) => void): Promise<Disposable>;
    /** True if it is the credential of the gateways. */
    admits(credential: string): boolean;
    /** The ids of tokens that made calls at a gateway. */
    noteUses(tokens: readonly string[]): void;
  };
  /** Counts the calls that front ends send to replicas. */
  readonly inFlight: InFlight;
  readonly changes: Changes;
  /** Whether the caller may hear of the change: private things are hidden, deleted ones too. */
  readonly maySee: (change: Change, caller: Caller) => Promise<boolean>;
  /** Approval requests, to be shown to people. Decisions go through `execute`. */
  readonly approvals: ApprovalBoard;
  readonly execute: Execute;
  /** Messages of front ends. They are stored until they are sent. */
  readonly outbox: Outbox;
  /** An instance, to be shown to its owner, or to everybody if it is not private. Undefined if it is deleted. */
  readonly viewInstance: (id: number) => Promise<ShownInstance | undefined>;
  /** Instances that soon stop by themselves, for front ends that can tell their owners. */
  readonly endings: EndingBoard;
  /** Sets the address at which the server listens. Before that, addresses come from the configuration. */
  listensAt(url: string): void;
  /** Throws `scope_missing` if the caller's token may not be used for this. */
  readonly needScope: (caller: Caller, scope: Scope) => void;
  /** Calls the observer after every operation, whichever front end ran it. */
  observe(observer: CallObserver): void;
  /** Throws if the store cannot be read. */
  ping(): Promise<void>;
  /** Resolves if another server has taken over the database, because this one could not reach it. It then must end. */
  readonly replaced: Promise<EcolinkError>;
}
