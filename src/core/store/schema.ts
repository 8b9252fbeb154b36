import type { ColumnType, Generated } from 'kysely';

/** Set when the row is inserted, never updated. */
type Fixed<T> = ColumnType<T, T, never>;
/** ISO 8601 in UTC: sorts as text, and both databases return it unchanged. */
type Time = string;
/** A JSON document as text. The query module of the table parses it. */
type Json = string;
/** 0 or 1: SQLite has no boolean. */
type Flag = number;

export interface Database {
  persons: {
    id: Fixed<string>;
    name: string;
    /** The role in the config when a server last read it. `Access.current` has the role that counts now. */
    role: string;
    created_at: Fixed<Time>;
    /** 1 if the config listed the person when a server last read it. */
    listed: Generated<Flag>;
  };
  /** Roles from admins and claims. The config overrules them. */
  role_grants: { person_id: Fixed<string>; role: string; given_by: string; given_at: Time };
  /** One-time codes: the first admin in Slack claims the role with one. */
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
    /** Null for tokens that were made before tokens expired. */
    expires_at: Fixed<Time | null>;
    /** The identity that made it: `local`, `slack:…`, `token:…`. */
    made_by: Fixed<string | null>;
    /** The token that made it. */
    parent_id: Fixed<string | null>;
  };
  /** One row. */
  store_identity: { only: Fixed<number>; id: Fixed<string> };
  /** One row: the highest number that a server has reserved for states of the routing feed. */
  routing_feed: { only: Fixed<number>; reserved: number };
  selections: { hash: Fixed<string>; files: Fixed<Json> };
  models: {
    id: Fixed<string>;
    name: Fixed<string>;
    /** The name, or null once the model is deleted. Unique: the name of a deleted model can be used again. */
    live_name: string | null;
    category: Fixed<string>;
    origin: Fixed<string>;
    /** The model without its files. */
    entry: Fixed<Json>;
    selection: Fixed<string>;
    repo: Fixed<string | null>;
    owner_id: Fixed<string>;
    /** The stored credential for downloads. Null if there is none, for `env`, and once the model is deleted. */
    credential_id: ColumnType<string | null, string | null | undefined, string | null>;
    private: Fixed<Flag>;
    created_at: Fixed<Time>;
    deleted_at: Time | null;
  };
  instances: {
    id: Generated<number>;
    /** Name of the first model. The model id of the instance stays when the instance moves to another model. */
    name: string;
    entry_id: string;
    desired: 'running' | 'stopped' | 'deleted';
    spec: Json;
    generation: number;
    state: string;
    ready: number;
    owner_id: Fixed<string>;
    private: Flag;
    created_at: Fixed<Time>;
    stop_at: Time | null;
    /** When it was last started after a stop. Null: it was not stopped since its launch. */
    started_at: ColumnType<Time | null, Time | null | undefined, Time | null>;
  };
  instance_regions: {
    instance_id: Fixed<number>;
    region: Fixed<string>;
    /** Key of the volume with the weights. Null for a filesystem. */
    volume: string | null;
    state: string;
    ready: number;
    restarts: number;
    reason: Json | null;
    /** Base URLs of the ready replicas. */
    urls: Json;
    /** Image of the first ready replica, with the digest that the image had then. */
    image: string | null;
    /** As reported by the engine. 0 if the engine does not report it. */
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
    /** 1 if the weights were asked for without an instance. */
    prefetch: Flag;
    pinned: Flag;
    last_used_at: Time | null;
    /** Id or name of the credential of the last download attempt. */
    credential: ColumnType<string | null, string | null | undefined, string | null>;
    /** Credentials with which the Hub refused the files. */
    refused: ColumnType<Json | null, Json | null | undefined, Json | null>;
    /** Bytes that the last eviction freed. Null if unknown. */
    freed_bytes: ColumnType<number | null, number | null | undefined, number | null>;
    /** Bytes that were complete when a failure was last counted. */
    reached_bytes: ColumnType<number | null, number | null | undefined, number | null>;
    /** When the last download attempt began. */
    download_started_at: ColumnType<Time | null, Time | null | undefined, Time | null>;
  };
  /** How long downloads and starts took. */
  durations: {
    what: Fixed<'download' | 'start'>;
    region: Fixed<string>;
    /** Empty for a download. */
    runtime: Fixed<string>;
    /** Bytes that were fetched, or that the engine loaded. */
    bytes: Fixed<number>;
    ms: Fixed<number>;
    at: Fixed<Time>;
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
    /** Names the row of `policies` that the verdict followed. */
    policy_hash: Fixed<string | null>;
    /** What the verdict was decided on. */
    facts: Fixed<Json | null>;
    /** The whole answer of the policy. */
    verdict: Fixed<Json | null>;
    /** 1 if it is about something private, or if that is not known. */
    private: Fixed<Flag | null>;
    /** The exact text that `hash` is computed from. */
    line: Fixed<string>;
    previous: Fixed<string>;
    hash: Fixed<string>;
  };
  /** Effective policies, once each. They are never changed or deleted: verdicts are recomputed with them. */
  policies: { hash: Fixed<string>; rules: Fixed<Json>; first_used_at: Fixed<Time> };
  /** One row. Whoever appends locks it. */
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
    /** With all defaults filled in. Never updated. */
    input: Fixed<Json>;
    preview: Fixed<Json>;
    digest: Fixed<string>;
    /** What is required for approval. A changed rule can make it stricter, never looser. */
    needs: Json;
    rule: Fixed<string>;
    requester_id: Fixed<string>;
    identity: Fixed<string>;
    agent: Fixed<Flag>;
    source: Fixed<string>;
    scopes: Fixed<Json>;
    request: Fixed<string>;
    idempotency_key: Fixed<string | null>;
    /** Hash of the input as it was sent: tells a repeated call from another call with the same key. */
    input_hash: Fixed<string>;
    /** Identifies requester and input while the request is open, then null. Unique: a repeated call joins the request. */
    open_key: string | null;
    /** Every decision writes this first. On PostgreSQL the second of two votes waits here for the first. */
    touched: Generated<number>;
    asked_at: Fixed<Time>;
    expires_at: Fixed<Time>;
    decided_at: Time | null;
    decided_by: string | null;
    broken_glass: Generated<Flag>;
    /** Why it is in its state: code and message. */
    reason: Json | null;
    outcome: Json | null;
    /** Until then the server that runs it counts as alive. */
    claimed_until: Time | null;
    /** When the approvers are reminded next. */
    remind_at: Time | null;
  };
  votes: {
    approval_id: Fixed<number>;
    person_id: Fixed<string>;
    identity: Fixed<string>;
    vote: Fixed<'approve' | 'deny' | 'break_glass'>;
    reason: Fixed<string | null>;
    at: Fixed<Time>;
    /** How it was made. Null for votes of older versions. */
    assurance: Fixed<string | null>;
  };
  /** Messages of front ends, such as Slack: what should be shown where, and what is shown. */
  outbox: {
    id: Generated<number>;
    /** What the message is about: a kind of thing and its number. */
    topic: Fixed<'approval' | 'instance' | 'channel'>;
    subject: Fixed<number>;
    /** Which message of the subject, such as `card`. */
    about: Fixed<string>;
    /** Who gets it. There is one message for each subject, `about` and audience. */
    audience: Fixed<string>;
    /** Where it may go, best place first. Empty for a copy that was found. */
    places: Fixed<Json>;
    /** Index of the place in use. */
    place: number;
    /** The workspace of that place. Empty: the only one. */
    team: string;
    /** The message in whose thread it is. */
    thread: Fixed<number | null>;
    /** 0 is sent first. */
    priority: number;
    /** 1 while the message follows its subject. */
    live: Flag;
    /** The content. Null until it is known. */
    wanted: Json | null;
    wanted_hash: string | null;
    /** The hash of the content that people see. Null before the first post. */
    shown_hash: string | null;
    channel: string | null;
    ts: string | null;
    url: string | null;
    /** `refused`: an error about this message is final. */
    state: 'open' | 'refused';
    failures: number;
    retry_at: Time | null;
    error: string | null;
    sent_at: Time | null;
  };
  /** Messages that people get once: about which thing (`kind` and its number), and which message. */
  notices: {
    kind: Fixed<'approval' | 'instance'>;
    subject: Fixed<number>;
    about: Fixed<string>;
    /** Until then the server that sends the message counts as alive. */
    claimed_until: Time;
    given_at: Time | null;
  };
  /** Keys of sealed values. The row holds no key, only a value that proves whether a key is the right one. */
  secret_keys: {
    id: Fixed<string>;
    check_value: Fixed<string>;
    /** 1 during a rotation: nothing new is sealed with this key. */
    retired: Flag;
    created_at: Fixed<Time>;
  };
  credentials: {
    id: Fixed<string>;
    owner_id: Fixed<string>;
    name: Fixed<string>;
    /** The name if the team may use the credential, else null. Unique. */
    shared_name: string | null;
    sealed: string;
    key_id: string;
    /** Tells whether two values differ, and nothing about them. */
    fingerprint: string;
    /** The account on the Hub. */
    account: string;
    state: 'ok' | 'failing';
    reason: string | null;
    last_used_at: Time | null;
    created_at: Fixed<Time>;
  };
  /** One row for each workspace or organisation that installed the Slack app. */
  slack_installations: {
    /** The id of the workspace or the organisation. */
    id: Fixed<string>;
    /** The id of the organisation. A workspace may have none. */
    enterprise_id: string | null;
    /** The Slack identity of the person who installed the app. */
    owner_id: string;
    sealed: string;
    key_id: string;
    installed_at: Time;
  };
  /** One-time links to pages, each for one person and one task. */
  page_links: {
    hash: Fixed<string>;
    kind: Fixed<'credential' | 'token'>;
    about: Fixed<Json>;
    person_id: Fixed<string>;
    /** The identity of the person that asked for the link. */
    identity: Fixed<string>;
    /** 1 if decisions of that identity count. */
    may_decide: Fixed<Flag>;
    /** 1 if only that person got the link: the page then asks for no token. */
    private: Fixed<Flag>;
    expires_at: Fixed<Time>;
    used_at: Time | null;
  };
  leases: { key: Fixed<string>; holder: string; epoch: number; expires_at: Time };
}
