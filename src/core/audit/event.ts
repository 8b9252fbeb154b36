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
  };
}
