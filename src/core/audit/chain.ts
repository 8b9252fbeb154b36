import { createHmac } from 'node:crypto';
import type { VerdictRecord } from '../policy/verdict.ts';
import type { Queries, Store } from '../store/store.ts';
import type { AuditEvent, AuditRow } from './event.ts';
import { eventOfRow, rowOfEvent } from './event.ts';

/** The number and the hash of the last row of the chain. */
export interface ChainHead {
  number: number;
  hash: string;
}

const start: ChainHead = { number: 0, hash: '0'.repeat(64) };

/**
 * Appends one event in its own short transaction. It locks the row of the head, takes the next number and stores a keyed
 * hash over the previous hash and the exact text. The key is not in the database, so write access to the database is not
 * enough to forge a chain.
 */
export async function appendEvent(
  store: Store,
  key: Buffer,
  event: Omit<AuditEvent, 'number'>,
  verdict?: VerdictRecord,
): Promise<ChainHead> {
  return store.transaction(async (transaction) => {
    if (verdict) await keepPolicy(transaction, verdict, event.at);
    const locked = transaction.selectFrom('audit_head').select(['number', 'hash']).where('id', '=', 1);
    // On SQLite the transaction locks the whole database from its start. On PostgreSQL this locks the row.
    const head = await (store.flavour === 'postgres' ? locked.forUpdate() : locked).executeTakeFirstOrThrow();
    const number = head.number + 1;
    const line = JSON.stringify({ number, ...event });
    const hash = linkHash(key, head.hash, line);
    await transaction
      .insertInto('audit_events')
      .values({ ...rowOfEvent({ number, ...event }), line, previous: head.hash, hash })
      .execute();
    await transaction.updateTable('audit_head').set({ number, hash }).where('id', '=', 1).execute();
    return { number, hash };
  });
}

/** Each policy is stored once. */
async function keepPolicy(db: Queries, { policyHash, rules }: VerdictRecord, at: string): Promise<void> {
  await db
    .insertInto('policies')
    .values({ hash: policyHash, rules, first_used_at: at })
    .onConflict((on) => on.column('hash').doNothing())
    .execute();
}

function linkHash(key: Buffer, previous: string, line: string): string {
  return createHmac('sha256', key).update(previous).update('\n').update(line).digest('hex');
}

export interface Verification {
  rows: number;
  /** What is wrong, in the order of the rows. Empty if the chain is intact. */
  findings: string[];
}

const pageSize = 1000;
const maximumFindings = 20;

/** Looks at one row more closely. Returns what is wrong with it. */
export type RowCheck = (row: AuditRow) => Promise<string[]>;

/**
 * Finds rows that were changed, deleted or reordered. The heads from the file show whether the last rows were deleted.
 * `check` sees every row too.
 */
export async function verifyChain(
  store: Store,
  key: Buffer,
  heads: readonly ChainHead[],
  check: RowCheck = async () => [],
): Promise<Verification> {
  const findings: string[] = [];
  const expected = new Map(heads.map((head) => [head.number, head.hash]));
  let last = start;
  for (;;) {
    const rows = await store.db
      .selectFrom('audit_events')
      .selectAll()
      .where('number', '>', last.number)
      .orderBy('number')
      .limit(pageSize)
      .execute();
    for (const row of rows) {
      if (row.number !== last.number + 1) findings.push(missing(last.number + 1, row.number - 1));
      else if (row.previous !== last.hash) findings.push(`Row ${row.number} does not follow the row before it.`);
      if (linkHash(key, row.previous, row.line) !== row.hash) findings.push(`Row ${row.number} was changed.`);
      else if (row.line !== JSON.stringify(eventOfRow(row)))
        findings.push(`Row ${row.number} shows something else than was recorded.`);
      const kept = expected.get(row.number);
      if (kept !== undefined && kept !== row.hash)
        findings.push(`Row ${row.number} is not the row whose hash is in the head file.`);
      findings.push(...(await check(row)));
      last = row;
      if (findings.length >= maximumFindings) return { rows: last.number, findings };
    }
    if (rows.length < pageSize) break;
  }
  findings.push(...(await findMissingEnd(store, last, heads)));
  return { rows: last.number, findings };
}

function missing(from: number, to: number): string {
  return from === to ? `Row ${from} is missing.` : `Rows ${from} to ${to} are missing.`;
}

async function findMissingEnd(store: Store, last: ChainHead, heads: readonly ChainHead[]): Promise<string[]> {
  const head = await store.db
    .selectFrom('audit_head')
    .select(['number', 'hash'])
    .where('id', '=', 1)
    .executeTakeFirst();
  const furthest = Math.max(head?.number ?? 0, ...heads.map((each) => each.number));
  if (furthest > last.number) return [`The last rows are missing: ${last.number + 1} to ${furthest}.`];
  return head?.hash === last.hash ? [] : ['The head does not match the last row.'];
}
