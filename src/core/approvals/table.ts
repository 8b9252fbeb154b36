import type { Transaction } from 'kysely';
import { z } from 'zod';
import { assurances } from '../base/caller.ts';
import type { Assurance, Scope, Source } from '../base/caller.ts';
import { documentsSchema, headSchema } from './row-schemas.ts';
import { approvalStates, mayBecome } from './states.ts';
import type { ApprovalState } from './states.ts';
import type { Preview } from '../operation/preview.ts';
import type { Needs } from '../policy/decide.ts';
import type { Database } from '../store/schema.ts';
import type { Queries } from '../store/store.ts';

export interface ApprovalReason {
  code: string;
  message: string;
}

/** The part of an approval request that has columns of its own. */
export interface ApprovalHead {
  id: number;
  state: ApprovalState;
  operation: string;
  requester: { id: string; name: string; identity: string; agent: boolean; source: Source };
  askedAt: string;
  expiresAt: string;
}

/** A stored request to run one operation with one frozen input. */
export interface Approval extends ApprovalHead {
  preview: Preview;
  digest: string;
  needs: Needs;
  rule: string;
  requester: ApprovalHead['requester'] & { scopes: Scope[] };
  /** The id of the call that made it. */
  request: string;
  inputHash: string;
  decidedAt?: string;
  decidedBy?: string;
  brokenGlass: boolean;
  reason?: ApprovalReason;
  outcome?: Record<string, unknown>;
}

/** A row whose JSON columns this version cannot read. */
export interface UnreadableApproval extends ApprovalHead {
  unreadable: string;
}

export interface Vote {
  person: string;
  name: string;
  identity: string;
  vote: 'approve' | 'deny' | 'break_glass';
  reason?: string;
  at: string;
  /** How it was made. Undefined for votes of older versions. */
  assurance?: Assurance | undefined;
}

export type NewApproval = Pick<
  Approval,
  'operation' | 'preview' | 'digest' | 'needs' | 'rule' | 'request' | 'inputHash'
> & {
  requester: Omit<Approval['requester'], 'name'>;
  askedAt: string;
  expiresAt: string;
  remindAt: string | undefined;
  idempotencyKey: string | undefined;
  openKey: string;
};

/** The caller holds the lock of the requester, so no other call inserts the same open request. */
export async function insertApproval(db: Queries, approval: NewApproval): Promise<number> {
  const { requester } = approval;
  const inserted = await db
    .insertInto('approvals')
    .values({
      state: 'pending',
      operation: approval.operation,
      input: JSON.stringify(approval.preview.input),
      preview: JSON.stringify(approval.preview),
      digest: approval.digest,
      needs: JSON.stringify(approval.needs),
      rule: approval.rule,
      requester_id: requester.id,
      identity: requester.identity,
      agent: requester.agent ? 1 : 0,
      source: requester.source,
      scopes: JSON.stringify(requester.scopes),
      request: approval.request,
      idempotency_key: approval.idempotencyKey ?? null,
      input_hash: approval.inputHash,
      open_key: approval.openKey,
      asked_at: approval.askedAt,
      expires_at: approval.expiresAt,
      decided_at: null,
      decided_by: null,
      reason: null,
      outcome: null,
      claimed_until: null,
      remind_at: approval.remindAt ?? null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return inserted.id;
}

function rows(db: Queries) {
  return db
    .selectFrom('approvals')
    .innerJoin('persons as requester', 'requester.id', 'approvals.requester_id')
    .leftJoin('persons as decider', 'decider.id', 'approvals.decided_by')
    .selectAll('approvals')
    .select(['requester.name as requester_name', 'decider.name as decider_name']);
}

type Row = Awaited<ReturnType<ReturnType<typeof rows>['execute']>>[number];

function toHead(row: Row): ApprovalHead {
  const { state, source } = headSchema.parse(row);
  return {
    id: row.id,
    state,
    operation: row.operation,
    requester: {
      id: row.requester_id,
      name: row.requester_name,
      identity: row.identity,
      agent: row.agent === 1,
      source,
    },
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
  };
}

function readRow(row: Row): Approval | UnreadableApproval {
  const head = toHead(row);
  const documents = documentsSchema.safeParse(row);
  if (!documents.success) return { ...head, unreadable: z.prettifyError(documents.error) };
  const { preview, needs, scopes, reason, outcome } = documents.data;
  return {
    ...head,
    requester: { ...head.requester, scopes },
    preview,
    digest: row.digest,
    needs,
    rule: row.rule,
    request: row.request,
    inputHash: row.input_hash,
    brokenGlass: row.broken_glass === 1,
    decidedAt: row.decided_at ?? undefined,
    decidedBy: row.decider_name ?? undefined,
    reason: reason ?? undefined,
    outcome: outcome ?? undefined,
  };
}

function toApproval(row: Row): Approval {
  const read = readRow(row);
  if ('unreadable' in read) throw new Error(`The approval request ${read.id} cannot be read: ${read.unreadable}`);
  return read;
}

/** Throws if the row has JSON that this version cannot read, as all that answer with an `Approval` do. */
export async function findApproval(db: Queries, id: number): Promise<Approval | undefined> {
  const row = await rows(db).where('approvals.id', '=', id).executeTakeFirst();
  return row && toApproval(row);
}

export async function findByOpenKey(db: Queries, openKey: string): Promise<Approval | undefined> {
  const row = await rows(db).where('approvals.open_key', '=', openKey).executeTakeFirst();
  return row && toApproval(row);
}

/** The newest request that was made under this idempotency key. */
export async function findByIdempotencyKey(
  db: Queries,
  by: { person: string; operation: string; key: string; since: string },
): Promise<Approval | undefined> {
  const row = await rows(db)
    .where('approvals.requester_id', '=', by.person)
    .where('approvals.operation', '=', by.operation)
    .where('approvals.idempotency_key', '=', by.key)
    .where('approvals.asked_at', '>=', by.since)
    .orderBy('approvals.id', 'desc')
    .executeTakeFirst();
  return row && toApproval(row);
}

export interface ApprovalQuery {
  states?: readonly ApprovalState[] | undefined;
  requester?: string | undefined;
  before?: number | undefined;
  /** Only those that expire at this time or before. */
  expiredBy?: string | undefined;
  limit?: number | undefined;
}

/** Newest first, with rows that this version cannot read. */
export async function searchApprovals(db: Queries, query: ApprovalQuery): Promise<(Approval | UnreadableApproval)[]> {
  return (await searchRows(db, query)).map(readRow);
}

/** The same without the JSON, so that a row that cannot be read stops nobody. */
export async function searchHeads(db: Queries, query: ApprovalQuery): Promise<ApprovalHead[]> {
  return (await searchRows(db, query)).map(toHead);
}

async function searchRows(db: Queries, query: ApprovalQuery): Promise<Row[]> {
  let found = rows(db);
  if (query.states) found = found.where('approvals.state', 'in', [...query.states]);
  if (query.requester !== undefined) found = found.where('approvals.requester_id', '=', query.requester);
  if (query.before !== undefined) found = found.where('approvals.id', '<', query.before);
  if (query.expiredBy !== undefined) found = found.where('approvals.expires_at', '<=', query.expiredBy);
  if (query.limit !== undefined) found = found.limit(query.limit);
  return found.orderBy('approvals.id', 'desc').execute();
}

export interface Move {
  decidedAt?: string;
  decidedBy?: string;
  brokenGlass?: true;
  reason?: ApprovalReason;
  outcome?: Record<string, unknown>;
  claimedUntil?: string | null;
}

/** One step of the state table. False if the request is in another state by now. */
export async function moveApproval(
  db: Queries,
  id: number,
  from: ApprovalState,
  to: ApprovalState,
  { decidedAt, decidedBy, brokenGlass, reason, outcome, claimedUntil }: Move = {},
): Promise<boolean> {
  if (!mayBecome(from, to)) throw new Error(`An approval request never goes from ${from} to ${to}.`);
  const moved = await db
    .updateTable('approvals')
    .set({
      state: to,
      open_key: null,
      decided_at: decidedAt,
      decided_by: decidedBy,
      broken_glass: brokenGlass && 1,
      reason: reason && JSON.stringify(reason),
      outcome: outcome && JSON.stringify(outcome),
      claimed_until: claimedUntil,
    })
    .where('id', '=', id)
    .where('state', '=', from)
    .executeTakeFirst();
  return moved.numUpdatedRows === 1n;
}

/** Open requests whose reminder is due. */
export async function dueReminders(db: Queries, now: string): Promise<{ id: number; remindAt: string }[]> {
  const found = await db
    .selectFrom('approvals')
    .select(['id', 'remind_at'])
    .where('state', '=', 'pending')
    .where('remind_at', '<=', now)
    .execute();
  return found.flatMap(({ id, remind_at: remindAt }) => (remindAt === null ? [] : { id, remindAt }));
}

/** Sets the time of the next reminder, unless another server has set one. */
export async function endReminder(db: Queries, id: number, remindAt: string, next: string | undefined): Promise<void> {
  await db
    .updateTable('approvals')
    .set({ remind_at: next ?? null })
    .where('id', '=', id)
    .where('remind_at', '=', remindAt)
    .execute();
}

export async function saveNeeds(db: Queries, id: number, needs: Needs): Promise<void> {
  await db
    .updateTable('approvals')
    .set({ needs: JSON.stringify(needs) })
    .where('id', '=', id)
    .execute();
}

/** Locks the row for the rest of the transaction. Returns its state. */
export async function lockApproval(db: Transaction<Database>, id: number): Promise<ApprovalState> {
  const { state } = await db
    .updateTable('approvals')
    .set((is) => ({ touched: is('touched', '+', 1) }))
    .where('id', '=', id)
    .returning('state')
    .executeTakeFirstOrThrow();
  return z.enum(approvalStates).parse(state);
}

/** False if the person has voted already: a vote cannot be repeated or changed. */
export async function insertVote(db: Queries, approval: number, vote: Omit<Vote, 'name'>): Promise<boolean> {
  const inserted = await db
    .insertInto('votes')
    .values({
      approval_id: approval,
      person_id: vote.person,
      identity: vote.identity,
      vote: vote.vote,
      reason: vote.reason ?? null,
      at: vote.at,
      assurance: vote.assurance ?? null,
    })
    .onConflict((on) => on.columns(['approval_id', 'person_id']).doNothing())
    .returning('person_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function votesOn(db: Queries, approval: number): Promise<Vote[]> {
  const found = await db
    .selectFrom('votes')
    .innerJoin('persons', 'persons.id', 'votes.person_id')
    .selectAll('votes')
    .select('persons.name')
    .where('approval_id', '=', approval)
    .orderBy('at')
    .execute();
  return found.map(({ person_id: person, name, identity, vote, reason, at, assurance }) => ({
    person,
    name,
    identity,
    vote,
    at,
    reason: reason ?? undefined,
    assurance: assurances.find((each) => each === assurance),
  }));
}

/** Claims the run of an approved request, or of a running one whose claim is over. */
export async function claimRun(db: Queries, id: number, now: string, until: string): Promise<boolean> {
  const claimed = await db
    .updateTable('approvals')
    .set({ state: 'running', claimed_until: until })
    .where('id', '=', id)
    .where((is) =>
      is.or([is('state', '=', 'approved'), is.and([is('state', '=', 'running'), is('claimed_until', '<', now)])]),
    )
    .executeTakeFirst();
  return claimed.numUpdatedRows === 1n;
}

export async function renewClaim(db: Queries, id: number, until: string): Promise<void> {
  await db
    .updateTable('approvals')
    .set({ claimed_until: until })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .execute();
}

/** False if the identity is a token that was revoked. */
export async function isIdentityValid(db: Queries, identity: string): Promise<boolean> {
  if (!identity.startsWith('token:')) return true;
  const found = await db
    .selectFrom('tokens')
    .select('id')
    .where('id', '=', identity.slice('token:'.length))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return found !== undefined;
}
