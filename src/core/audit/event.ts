import type { Verdict } from '../policy/verdict.ts';

/** One row of the audit. An operation has two: `opened` is written before it runs, `closed` after it. */
export interface AuditEvent {
  number: number;
  at: string;
  event: 'opened' | 'closed';
  /** Only if closed: number of the opening row. */
  opened?: number;
  request: string;
  person: string;
  identity: string;
  agent: boolean;
  source: string;
  operation: string;
  input?: string;
  outcome?: string;
  code?: string;
  duration_ms?: number;
  /** The answer of the policy, and the rule that gave it. */
  policy?: string;
  /** Number of the approval request that it waits for, or that allowed it. */
  approval?: number;
  /** The votes with their names and times, in JSON. */
  decisions?: string;
  /** The sha256 of the policy that gave the verdict. The table `policies` has its rules. */
  policy_hash?: string;
  /** What the verdict was decided on, in JSON. */
  facts?: string;
  /** The whole answer of the policy, in JSON. */
  verdict?: string;
  /** True if the call is about something private, or if that is not known. Absent in rows of older versions. */
  private?: boolean;
}

/** Why an operation may run: the policy's verdict, and the approval. */
export interface AuditGround extends Pick<AuditEvent, 'policy' | 'approval' | 'decisions' | 'private'> {
  verdict?: Verdict | undefined;
}

export interface AuditRow {
  number: number;
  at: string;
  event: 'opened' | 'closed';
  opened: number | null;
  request: string;
  person: string;
  identity: string;
  agent: number;
  source: string;
  operation: string;
  input: string | null;
  outcome: string | null;
  code: string | null;
  duration_ms: number | null;
  policy: string | null;
  approval: number | null;
  decisions: string | null;
  policy_hash: string | null;
  facts: string | null;
  verdict: string | null;
  private: number | null;
}

export function rowOfEvent(event: AuditEvent): AuditRow {
  return {
    ...event,
    opened: event.opened ?? null,
    agent: event.agent ? 1 : 0,
    input: event.input ?? null,
    outcome: event.outcome ?? null,
    code: event.code ?? null,
    duration_ms: event.duration_ms ?? null,
    policy: event.policy ?? null,
    approval: event.approval ?? null,
    decisions: event.decisions ?? null,
    policy_hash: event.policy_hash ?? null,
    facts: event.facts ?? null,
    verdict: event.verdict ?? null,
    private: event.private === undefined ? null : Number(event.private),
  };
}

/** The order of the fields is fixed, and new ones come last: `verifyChain` rebuilds the recorded text from them. */
export function eventOfRow(row: AuditRow): AuditEvent {
  return {
    number: row.number,
    at: row.at,
    event: row.event,
    opened: row.opened ?? undefined,
    request: row.request,
    person: row.person,
    identity: row.identity,
    agent: row.agent === 1,
    source: row.source,
    operation: row.operation,
    input: row.input ?? undefined,
    outcome: row.outcome ?? undefined,
    code: row.code ?? undefined,
    duration_ms: row.duration_ms ?? undefined,
    policy: row.policy ?? undefined,
    approval: row.approval ?? undefined,
    decisions: row.decisions ?? undefined,
    policy_hash: row.policy_hash ?? undefined,
    facts: row.facts ?? undefined,
    verdict: row.verdict ?? undefined,
    private: row.private === null ? undefined : row.private === 1,
  };
}
