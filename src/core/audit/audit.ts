import type { Caller } from '../access/caller.ts';
import { decodeCursor, pageOf } from '../paging.ts';
import type { Page } from '../paging.ts';
import type { Store } from '../store/store.ts';

export interface AuditEvent {
  number: number;
  at: string;
  event: 'opened' | 'closed';
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

export interface AuditQuery {
  actor?: string | undefined;
  operation?: string | undefined;
  since?: string | undefined;
  cursor?: string | undefined;
  limit: number;
}

export interface AuditEnd {
  outcome: 'done' | 'failed' | 'interrupted';
  code?: string;
  durationMs: number;
}

export interface AuditLog {
  /** Answers with the row's number. Where it throws, the operation must not run. */
  open(caller: Caller, operation: string, input: string, request: string): Promise<number>;
  close(opened: number, caller: Caller, operation: string, request: string, end: AuditEnd): Promise<void>;
  /** Closes what a crash left open, as *interrupted*. Only for the one server that owns the store. */
  closeInterrupted(): Promise<number>;
  list(query: AuditQuery): Promise<Page<AuditEvent>>;
}

export function createAuditLog(store: Store, now: () => Date): AuditLog {
  const insert = async (event: Omit<AuditEvent, 'number' | 'at'>): Promise<number> => {
    const { number } = await store.db
      .insertInto('audit_events')
      .values({ ...toRow(event), at: now().toISOString() })
      .returning('number')
      .executeTakeFirstOrThrow();
    return number;
  };
  return {
    open: (caller, operation, input, request) =>
      insert({ event: 'opened', ...actor(caller), operation, input, request }),
    async close(opened, caller, operation, request, end) {
      await insert({
        event: 'closed',
        opened,
        ...actor(caller),
        operation,
        request,
        outcome: end.outcome,
        duration_ms: end.durationMs,
        ...(end.code === undefined ? {} : { code: end.code }),
      });
    },
    async closeInterrupted() {
      const open = await openRows(store);
      for (const row of open) {
        await insert({ ...fromRow(row), event: 'closed', opened: row.number, outcome: 'interrupted' });
      }
      return open.length;
    },
    list: (query) => list(store, query),
  };
}

function actor(caller: Caller): Pick<AuditEvent, 'person' | 'identity' | 'agent' | 'source'> {
  return { person: caller.person.name, identity: caller.identity, agent: caller.agent, source: caller.source };
}

function toRow(event: Omit<AuditEvent, 'number' | 'at'>) {
  return {
    event: event.event,
    opened: event.opened ?? null,
    request: event.request,
    person: event.person,
    identity: event.identity,
    agent: event.agent ? 1 : 0,
    source: event.source,
    operation: event.operation,
    input: event.input ?? null,
    outcome: event.outcome ?? null,
    code: event.code ?? null,
    duration_ms: event.duration_ms ?? null,
  };
}

type Row = Awaited<ReturnType<typeof openRows>>[number];

function fromRow(row: Row): AuditEvent {
  const { opened, input, outcome, code, duration_ms: duration, agent, ...rest } = row;
  return {
    ...rest,
    agent: agent === 1,
    ...(opened === null ? {} : { opened }),
    ...(input === null ? {} : { input }),
    ...(outcome === null ? {} : { outcome }),
    ...(code === null ? {} : { code }),
    ...(duration === null ? {} : { duration_ms: duration }),
  };
}

function openRows(store: Store) {
  return store.db
    .selectFrom('audit_events as opening')
    .selectAll('opening')
    .where('opening.event', '=', 'opened')
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('audit_events as closing')
            .select('closing.number')
            .whereRef('closing.opened', '=', 'opening.number'),
        ),
      ),
    )
    .orderBy('opening.number')
    .execute();
}

async function list(store: Store, query: AuditQuery): Promise<Page<AuditEvent>> {
  const before = decodeCursor(query.cursor, 'number');
  let rows = store.db.selectFrom('audit_events').selectAll();
  if (query.actor !== undefined) rows = rows.where('person', '=', query.actor);
  if (query.operation !== undefined) rows = rows.where('operation', '=', query.operation.replaceAll('-', '_'));
  if (query.since !== undefined) rows = rows.where('at', '>=', new Date(query.since).toISOString());
  if (before !== undefined) rows = rows.where('number', '<', before);
  const found = await rows
    .orderBy('number', 'desc')
    .limit(query.limit + 1)
    .execute();
  return pageOf(found, query.limit, (row) => row.number, fromRow);
}
