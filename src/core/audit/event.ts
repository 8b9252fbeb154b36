/** One row of the audit: *opened* before an operation runs, *closed* after it. */
export interface AuditEvent {
  number: number;
  at: string;
  event: 'opened' | 'closed';
  /** Number of the row that this one closes. */
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
  /** What the policy answered, and by which rule. */
  policy?: string;
  /** Number of the request for approval that it waits for, or was run by. */
  approval?: number;
  /** Who decided what and when, as JSON. */
  decisions?: string;
}

/** What an operation is allowed by. */
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

/** Its fields in the one order in which they were recorded: the chained text is rebuilt from them to compare. */
export function eventOfRow(row: AuditRow): AuditEvent {
  return {
    number: row.number,
    at: row.at,
    event: row.event,
    ...(row.opened === null ? {} : { opened: row.opened }),
    request: row.request,
    person: row.person,
    identity: row.identity,
    agent: row.agent === 1,
    source: row.source,
    operation: row.operation,
    ...(row.input === null ? {} : { input: row.input }),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.code === null ? {} : { code: row.code }),
    ...(row.duration_ms === null ? {} : { duration_ms: row.duration_ms }),
    ...(row.policy === null ? {} : { policy: row.policy }),
    ...(row.approval === null ? {} : { approval: row.approval }),
    ...(row.decisions === null ? {} : { decisions: row.decisions }),
  };
}
