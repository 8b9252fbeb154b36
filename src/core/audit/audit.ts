import type { Caller } from '../base/caller.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import type { Page } from '../base/paging.ts';
import { recordOf } from '../policy/verdict.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { Store } from '../store/store.ts';
import { isUniqueViolation } from '../store/unique-violation.ts';
import { appendEvent, verifyChain } from './chain.ts';
import type { Verification } from './chain.ts';
import { eventOfRow, rowOfEvent } from './event.ts';
import type { AuditEvent, AuditGround, AuditRow } from './event.ts';
import type { HeadFile } from './head-file.ts';
import { createReplay } from './replay.ts';
import type { ReplayCount } from './replay.ts';

export interface AuditQuery {
  actor?: string | undefined;
  operation?: string | undefined;
  since?: string | undefined;
  cursor?: string | undefined;
  limit: number;
}

export interface AuditEnd extends AuditGround {
  outcome: 'done' | 'failed' | 'interrupted';
  code?: string;
  durationMs: number;
}

export interface AuditLog {
  /** Returns the number of the row. If it throws, the operation must not run. */
  open(caller: Caller, operation: string, input: string, request: string, ground?: AuditGround): Promise<number>;
  close(opened: number, caller: Caller, operation: string, request: string, end: AuditEnd): Promise<void>;
  /**
   * Closes the rows that a crash left open, with the outcome `interrupted`. Returns how many there were.
   * `atStart`: this server runs no operation yet, so on SQLite every open row is an interrupted one.
   */
  closeInterrupted(atStart: boolean): Promise<number>;
  /** People who are no admins see no input of others that is about something private. */
  list(query: AuditQuery, caller: Pick<Caller, 'person'>): Promise<Page<AuditEvent>>;
  /** Finds rows that were changed, deleted or reordered, also at the end. With `replay`, recomputes every verdict. */
  verify(options?: { replay?: boolean }): Promise<Verification & Partial<ReplayCount>>;
}

export interface AuditDeps {
  store: Store;
  key: Buffer;
  heads: HeadFile;
  now: () => Date;
}

export function createAuditLog({ store, key, heads, now }: AuditDeps): AuditLog {
  const append = async (event: NewEvent, verdict?: Verdict): Promise<number> => {
    const record = verdict && recordOf(verdict);
    const kept = record && { policy_hash: record.policyHash, facts: record.facts, verdict: record.answer };
    const head = await appendEvent(store, key, ordered({ ...event, ...kept, at: now().toISOString() }), record);
    heads.note(head);
    return head.number;
  };
  return {
    open: (caller, operation, input, request, { verdict, ...ground } = {}) =>
      append({ event: 'opened', ...actor(caller), operation, input, request, ...ground }, verdict),
    async close(opened, caller, operation, request, { durationMs, verdict, ...end }) {
      await append(
        { event: 'closed', opened, ...actor(caller), operation, request, duration_ms: durationMs, ...end },
        verdict,
      );
    },
    async closeInterrupted(atStart) {
      const open = await openRows(store, abandonedBefore(store, now(), atStart));
      for (const row of open) {
        const { number, input: _input, ...event } = eventOfRow(row);
        await append({ ...event, event: 'closed', opened: number, outcome: 'interrupted' }).catch(unlessClosed);
      }
      return open.length;
    },
    list: (query, caller) => list(store, query, caller),
    async verify({ replay = false } = {}) {
      if (!replay) return verifyChain(store, key, await heads.read());
      const replaying = createReplay(store);
      const verification = await verifyChain(store, key, await heads.read(), (row) => replaying.check(row));
      return { ...verification, ...replaying.count };
    },
  };
}

type NewEvent = Omit<AuditEvent, 'number' | 'at'>;

/** The fields in the order of `eventOfRow`, which the verification expects. */
function ordered(event: Omit<AuditEvent, 'number'>): Omit<AuditEvent, 'number'> {
  const { number: _number, ...fields } = eventOfRow(rowOfEvent({ number: 0, ...event }));
  return fields;
}

function actor(caller: Caller): Pick<AuditEvent, 'person' | 'identity' | 'agent' | 'source'> {
  return { person: caller.person.name, identity: caller.identity, agent: caller.agent, source: caller.source };
}

/** No operation takes longer. On a shared database a younger row may belong to an operation of another server. */
const maximumOperationMs = 10 * 60_000;

function abandonedBefore(store: Store, now: Date, atStart: boolean): string {
  // Every stored time is before '9'.
  if (atStart && store.flavour === 'sqlite') return '9';
  return new Date(now.getTime() - maximumOperationMs).toISOString();
}

/** Another server may close the same row at the same moment. A row is closed once only. */
function unlessClosed(thrown: unknown): void {
  if (!isUniqueViolation(thrown)) throw thrown;
}

function openRows(store: Store, before: string) {
  return store.db
    .selectFrom('audit_events as opening')
    .selectAll('opening')
    .where('opening.event', '=', 'opened')
    .where('opening.at', '<', before)
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

async function list(store: Store, query: AuditQuery, { person }: Pick<Caller, 'person'>): Promise<Page<AuditEvent>> {
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
  const hidden = person.role === 'admin' ? new Set<number>() : await hiddenInputs(store, found, person.name);
  return pageOf(
    found,
    query.limit,
    (row) => row.number,
    (row) => (hidden.has(row.number) ? withoutNames(eventOfRow(row)) : eventOfRow(row)),
  );
}

/** The rows about something private of others. A row that is not closed yet may become one. */
async function hiddenInputs(store: Store, rows: readonly AuditRow[], person: string): Promise<ReadonlySet<number>> {
  const others = rows.filter((row) => row.person !== person);
  const opened = others.filter(({ event }) => event === 'opened').map(({ number }) => number);
  const closings = await store.db
    .selectFrom('audit_events')
    .select(['opened', 'private'])
    .where('opened', 'in', [...opened, 0])
    .execute();
  const shown = new Set(closings.filter((row) => row.private !== 1).map((row) => row.opened));
  const isHidden = (row: AuditRow): boolean => (row.event === 'opened' ? !shown.has(row.number) : row.private === 1);
  return new Set(others.filter(isHidden).map(({ number }) => number));
}

function withoutNames({ input: _input, facts: _facts, decisions: _decisions, ...event }: AuditEvent): AuditEvent {
  return { ...event, private: true };
}
