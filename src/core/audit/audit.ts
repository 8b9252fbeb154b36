import type { Caller } from '../base/caller.ts';
import { decodeCursor, pageOf } from '../base/paging.ts';
import type { Page } from '../base/paging.ts';
import type { Store } from '../store/store.ts';
import { isUniqueViolation } from '../store/unique-violation.ts';
import { appendEvent, verifyChain } from './chain.ts';
import type { Verdict } from './chain.ts';
import { eventOfRow, rowOfEvent } from './event.ts';
import type { AuditEvent, AuditGround } from './event.ts';
import type { HeadFile } from './heads.ts';

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
  /** Answers with the row's number. Where it throws, the operation must not run. */
  open(caller: Caller, operation: string, input: string, request: string, ground?: AuditGround): Promise<number>;
  close(opened: number, caller: Caller, operation: string, request: string, end: AuditEnd): Promise<void>;
  /**
   * Closes what a crash left open, as *interrupted*. `atStart`: nothing of this server can be at work yet, so that on a
   * store of its own every open row is one.
   */
  closeInterrupted(atStart: boolean): Promise<number>;
  list(query: AuditQuery): Promise<Page<AuditEvent>>;
  /** Finds rows that were changed, lost or reordered, and a tail that was cut. */
  verify(): Promise<Verdict>;
}

export interface AuditDeps {
  store: Store;
  key: Buffer;
  heads: HeadFile;
  now: () => Date;
}

export function createAuditLog({ store, key, heads, now }: AuditDeps): AuditLog {
  const append = async (event: Omit<AuditEvent, 'number' | 'at'>): Promise<number> => {
    const head = await appendEvent(store, key, ordered({ ...event, at: now().toISOString() }));
    heads.note(head);
    return head.number;
  };
  return {
    open: (caller, operation, input, request, ground = {}) =>
      append({ event: 'opened', ...actor(caller), operation, input, request, ...ground }),
    async close(opened, caller, operation, request, { durationMs, ...end }) {
      await append({
        event: 'closed',
        opened,
        ...actor(caller),
        operation,
        request,
        duration_ms: durationMs,
        ...end,
      });
    },
    async closeInterrupted(atStart) {
      const open = await openRows(store, abandonedBefore(store, now(), atStart));
      for (const row of open) {
        const { number, input: _input, ...event } = eventOfRow(row);
        await append({ ...event, event: 'closed', opened: number, outcome: 'interrupted' }).catch(unlessClosed);
      }
      return open.length;
    },
    list: (query) => list(store, query),
    verify: async () => verifyChain(store, key, await heads.read()),
  };
}

/** In the order of `eventOfRow`, which the chain is checked against. */
function ordered(event: Omit<AuditEvent, 'number'>): Omit<AuditEvent, 'number'> {
  const { number: _number, ...inOrder } = eventOfRow(rowOfEvent({ number: 0, ...event }));
  return inOrder;
}

function actor(caller: Caller): Pick<AuditEvent, 'person' | 'identity' | 'agent' | 'source'> {
  return { person: caller.person.name, identity: caller.identity, agent: caller.agent, source: caller.source };
}

/** No operation takes this long: a younger row may be at work, on a shared database another server's. */
const longestOperationMs = 10 * 60_000;

function abandonedBefore(store: Store, now: Date, atStart: boolean): string {
  const alone = atStart && store.flavour === 'sqlite';
  return alone ? '9' : new Date(now.getTime() - longestOperationMs).toISOString();
}

/** A row is closed once: another server looked at the same moment. */
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
  return pageOf(found, query.limit, (row) => row.number, eventOfRow);
}
