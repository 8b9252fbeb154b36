import type { ColumnType, Generated } from 'kysely';

/** Set once when the row is made. */
type Fixed<T> = ColumnType<T, T, never>;
/** ISO 8601 in UTC: sorts as text and reads the same in both databases. */
type Time = string;
/** A JSON document as text; the table's own module parses it. */
type Json = string;
/** 0 or 1: SQLite has no boolean. */
type Flag = number;

export interface Database {
  persons: {
    id: Fixed<string>;
    name: string;
    /** As the config last gave it; what somebody may do now is `Access.current`'s to say. */
    role: string;
    created_at: Fixed<Time>;
    /** The config lists them, or did when a server last read it. */
    listed: Generated<Flag>;
  };
  /** Roles that the config did not give; it overrules them. */
  role_grants: { person_id: Fixed<string>; role: string; given_by: string; given_at: Time };
  /** One-time codes that make the first admin in Slack. */
  claim_codes: { hash: Fixed<string>; expires_at: Fixed<Time>; used_at: Time | null };
  identities: { identity: Fixed<string>; person_id: string };
  tokens: {
    id: Fixed<string>;
    person_id: Fixed<string>;
    name: Fixed<string>;
    hash: Fixed<string>;
    scopes: Fixed<Json>;
    agent: Generated<Flag>;
    may_decide: Generated<Flag>;
    created_at: Fixed<Time>;
    last_used_at: Time | null;
    revoked_at: Time | null;
  };
  /** One row. */
  store_identity: { only: Fixed<number>; id: Fixed<string> };
  selections: { hash: Fixed<string>; files: Fixed<Json> };
  models: {
    id: Fixed<string>;
    name: Fixed<string>;
    /** The name while the entry lives, null after: unique, so that a deleted name can be used again. */
    live_name: string | null;
    category: Fixed<string>;
    origin: Fixed<string>;
    /** The entry without its files. */
    entry: Fixed<Json>;
    selection: Fixed<string>;
    repo: Fixed<string | null>;
    owner_id: Fixed<string>;
    /** The stored credential that downloads use. Null without one, for `env`, and once the entry is deleted. */
    credential_id: ColumnType<string | null, string | null | undefined, string | null>;
    private: Fixed<Flag>;
    created_at: Fixed<Time>;
    deleted_at: Time | null;
  };
  instances: {
    id: Generated<number>;
    /** Name of the first entry: the model id stays when the instance moves to another. */
    name: string;
    entry_id: string;
    desired: 'running' | 'stopped' | 'deleted';
    spec: Json;
    generation: number;
    state: string;
    ready: number;
    owner_id: Fixed<string>;
    private: Fixed<Flag>;
    created_at: Fixed<Time>;
    stop_at: Time | null;
  };
  instance_regions: {
    instance_id: Fixed<number>;
    region: Fixed<string>;
    /** Key of the volume that it reads; null for a filesystem. */
    volume: string | null;
    state: string;
    ready: number;
    restarts: number;
    reason: Json | null;
    /** Base URLs of the ready replicas. */
    urls: Json;
    /** The image that the first ready replica was made from, with the digest that was found under it. */
    image: string | null;
    /** As the engine tells it; 0: it was asked and does not. */
    context_length: number | null;
    updated_at: Time;
  };
  volumes: {
    key: Fixed<string>;
    region: Fixed<string>;
    repo: Fixed<string>;
    commit_sha: Fixed<string>;
    selection: Fixed<string>;
    bytes: Fixed<number>;
    state: string;
    attempt: number;
    failures: number;
    retry_at: Time | null;
    progress: Json | null;
    reason: Json | null;
    /** Somebody asked for the bytes without an instance. */
    prefetch: Flag;
    pinned: Flag;
    last_used_at: Time | null;
    /** What the last attempt downloads with: a credential's id or name. */
    credential: ColumnType<string | null, string | null | undefined, string | null>;
    /** Those with which the Hub refused the files. */
    refused: ColumnType<Json | null, Json | null | undefined, Json | null>;
    /** By the last eviction; null where nobody knows. */
    freed_bytes: ColumnType<number | null, number | null | undefined, number | null>;
    /** How far it had come when a failure was last counted. */
    reached_bytes: ColumnType<number | null, number | null | undefined, number | null>;
  };
  audit_events: {
    number: Fixed<number>;
    at: Fixed<Time>;
    event: Fixed<'opened' | 'closed'>;
    opened: Fixed<number | null>;
    request: Fixed<string>;
    person: Fixed<string>;
    identity: Fixed<string>;
    agent: Fixed<Flag>;
    source: Fixed<string>;
    operation: Fixed<string>;
    input: Fixed<string | null>;
    outcome: Fixed<string | null>;
    code: Fixed<string | null>;
    duration_ms: Fixed<number | null>;
    policy: Fixed<string | null>;
    approval: Fixed<number | null>;
    decisions: Fixed<Json | null>;
    /** The exact text that `hash` is over. */
    line: Fixed<string>;
    previous: Fixed<string>;
    hash: Fixed<string>;
  };
  /** One row, locked by whoever appends. */
  audit_head: { id: Fixed<number>; number: number; hash: string };
  idempotency: {
    person_id: Fixed<string>;
    operation: Fixed<string>;
    key: Fixed<string>;
    input_hash: Fixed<string>;
    outcome: Fixed<Json>;
    created_at: Fixed<Time>;
  };
  approvals: {
    id: Generated<number>;
    state: string;
    operation: Fixed<string>;
    /** With every default filled in; brought up to date by nothing. */
    input: Fixed<Json>;
    preview: Fixed<Json>;
    digest: Fixed<string>;
    /** Becomes stricter with the rules, never looser. */
    needs: Json;
    rule: Fixed<string>;
    requester_id: Fixed<string>;
    identity: Fixed<string>;
    agent: Fixed<Flag>;
    source: Fixed<string>;
    scopes: Fixed<Json>;
    request: Fixed<string>;
    idempotency_key: Fixed<string | null>;
    /** Of the input as it was sent, to tell a repeated call from another under the same key. */
    input_hash: Fixed<string>;
    /** Names who asks for what while the request waits, null after: unique, so that a second one joins the first. */
    open_key: string | null;
    /** Written first by whoever decides: on PostgreSQL the second of two votes waits here for the first. */
    touched: Generated<number>;
    asked_at: Fixed<Time>;
    expires_at: Fixed<Time>;
    decided_at: Time | null;
    decided_by: string | null;
    broken_glass: Generated<Flag>;
    /** Why it ended as it did: code and message. */
    reason: Json | null;
    outcome: Json | null;
    /** Until when the server that runs it is taken to be alive. */
    claimed_until: Time | null;
    /** When those who decide are told next that it waits. */
    remind_at: Time | null;
  };
  votes: {
    approval_id: Fixed<number>;
    person_id: Fixed<string>;
    identity: Fixed<string>;
    vote: Fixed<'approve' | 'deny' | 'break_glass'>;
    reason: Fixed<string | null>;
    at: Fixed<Time>;
  };
  /** Where a request is shown in Slack, to bring it up to date there. */
  approval_messages: {
    approval_id: Fixed<number>;
    channel: Fixed<string>;
    ts: Fixed<string>;
    url: Fixed<string | null>;
    /** The workspace or organisation whose bot wrote it; null where there was but one. */
    team: Fixed<string | null>;
  };
  /** What people are told once: of which thing (`kind` and its number), and what. */
  notices: {
    kind: Fixed<'approval' | 'instance'>;
    subject: Fixed<number>;
    about: Fixed<string>;
    /** Until when the server that is telling it is taken to be alive. */
    claimed_until: Time;
    given_at: Time | null;
  };
  /** What stored values are sealed with: never the key, only what proves that one is the right one. */
  secret_keys: {
    id: Fixed<string>;
    check_value: Fixed<string>;
    /** A rotation goes on: nothing new is sealed with it. */
    retired: Flag;
    created_at: Fixed<Time>;
  };
  credentials: {
    id: Fixed<string>;
    owner_id: Fixed<string>;
    name: Fixed<string>;
    /** Its name while the team may use it, else null: unique among all. */
    shared_name: string | null;
    sealed: string;
    key_id: string;
    /** Tells two values apart, without telling anything of either. */
    fingerprint: string;
    /** Whose it is on the Hub. */
    account: string;
    state: 'ok' | 'failing';
    reason: string | null;
    last_used_at: Time | null;
    created_at: Fixed<Time>;
  };
  /** One row for each workspace that installed the Slack app, or organisation that did for all of its workspaces. */
  slack_installations: {
    /** The workspace's id, or the organisation's. */
    id: Fixed<string>;
    /** The organisation that it belongs to, or is. */
    enterprise_id: string | null;
    /** The Slack identity of whoever installed it. */
    owner_id: string;
    sealed: string;
    key_id: string;
    installed_at: Time;
  };
  /** Pages that do one thing for one person, once. */
  page_links: {
    hash: Fixed<string>;
    kind: Fixed<'credential' | 'token'>;
    about: Fixed<Json>;
    person_id: Fixed<string>;
    /** Which of the person's identities asked for it. */
    identity: Fixed<string>;
    /** Decisions of that identity count. */
    may_decide: Fixed<Flag>;
    /** Handed to that person alone: the page asks for nothing else. */
    private: Fixed<Flag>;
    expires_at: Fixed<Time>;
    used_at: Time | null;
  };
  leases: { key: Fixed<string>; holder: string; epoch: number; expires_at: Time };
}
