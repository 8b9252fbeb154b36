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
}

/** Why an operation may run: the policy's answer, and the approval. */
export type AuditGround = Pick<AuditEvent, 'policy' | 'approval' | 'decisions'>;

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
  };
}

/** The order of the fields is fixed: `verifyChain` rebuilds the recorded text from them. */
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
  };
}
