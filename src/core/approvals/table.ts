import type { Transaction } from 'kysely';
import type { Scope, Source } from '../base/caller.ts';
import { mayBecome } from './states.ts';
import type { ApprovalState } from './states.ts';
import type { Preview } from '../operation/preview.ts';
import type { Needs } from '../policy/decide.ts';
import type { Database } from '../store/schema.ts';
import type { Queries } from '../store/store.ts';

export interface ApprovalReason {
  code: string;
  message: string;
}

/** A stored request to run one operation with one frozen input. */
export interface Approval {
  id: number;
  state: ApprovalState;
  operation: string;
  preview: Preview;
  digest: string;
  needs: Needs;
  rule: string;
  requester: { id: string; name: string; identity: string; agent: boolean; source: Source; scopes: Scope[] };
  /** The request id of the asking. */
  request: string;
  inputHash: string;
  askedAt: string;
  expiresAt: string;
  decidedAt?: string;
  decidedBy?: string;
  brokenGlass: boolean;
  reason?: ApprovalReason;
  outcome?: Record<string, unknown>;
}

export interface Vote {
  person: string;
  name: string;
  identity: string;
  vote: 'approve' | 'deny' | 'break_glass';
  reason?: string;
  at: string;
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

function toApproval(row: Row): Approval {
  return {
    id: row.id,
    state: row.state as ApprovalState,
    operation: row.operation,
    preview: JSON.parse(row.preview) as Preview,
    digest: row.digest,
    needs: JSON.parse(row.needs) as Needs,
    rule: row.rule,
    requester: {
      id: row.requester_id,
      name: row.requester_name,
      identity: row.identity,
      agent: row.agent === 1,
      source: row.source as Source,
      scopes: JSON.parse(row.scopes) as Scope[],
    },
    request: row.request,
    inputHash: row.input_hash,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    brokenGlass: row.broken_glass === 1,
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
    ...(row.decider_name === null ? {} : { decidedBy: row.decider_name }),
    ...(row.reason === null ? {} : { reason: JSON.parse(row.reason) as ApprovalReason }),
    ...(row.outcome === null ? {} : { outcome: JSON.parse(row.outcome) as Record<string, unknown> }),
  };
}

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
  /** Only those whose time is over by then. */
  overBy?: string | undefined;
  limit?: number | undefined;
}

/** Newest first. */
export async function searchApprovals(db: Queries, query: ApprovalQuery): Promise<Approval[]> {
  let found = rows(db);
  if (query.states) found = found.where('approvals.state', 'in', [...query.states]);
  if (query.requester !== undefined) found = found.where('approvals.requester_id', '=', query.requester);
  if (query.before !== undefined) found = found.where('approvals.id', '<', query.before);
  if (query.overBy !== undefined) found = found.where('approvals.expires_at', '<=', query.overBy);
  if (query.limit !== undefined) found = found.limit(query.limit);
  return (await found.orderBy('approvals.id', 'desc').execute()).map(toApproval);
}

export interface Move {
  decidedAt?: string;
  decidedBy?: string;
  brokenGlass?: true;
  reason?: ApprovalReason | null;
  outcome?: Record<string, unknown>;
  claimedUntil?: string | null;
}

/** One step of the state table. False where it is in another state by now: somebody else was first. */
export async function moveApproval(
  db: Queries,
  id: number,
  from: ApprovalState,
  to: ApprovalState,
  with_: Move = {},
): Promise<boolean> {
  if (!mayBecome(from, to)) throw new Error(`An approval never goes from ${from} to ${to}.`);
  const moved = await db
    .updateTable('approvals')
    .set({
      state: to,
      open_key: null,
      ...(with_.decidedAt === undefined ? {} : { decided_at: with_.decidedAt }),
      ...(with_.decidedBy === undefined ? {} : { decided_by: with_.decidedBy }),
      ...(with_.brokenGlass === undefined ? {} : { broken_glass: 1 }),
      ...(with_.reason === undefined ? {} : { reason: with_.reason === null ? null : JSON.stringify(with_.reason) }),
      ...(with_.outcome === undefined ? {} : { outcome: JSON.stringify(with_.outcome) }),
      ...(with_.claimedUntil === undefined ? {} : { claimed_until: with_.claimedUntil }),
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
  return found.map(({ id, remind_at: remindAt }) => ({ id, remindAt: remindAt as string }));
}

/** The next takes its place, unless another server has put one there. */
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

/** Takes the row for the rest of the transaction, in whichever state it is in now. */
export async function lockApproval(db: Transaction<Database>, id: number): Promise<ApprovalState> {
  const { state } = await db
    .updateTable('approvals')
    .set((is) => ({ touched: is('touched', '+', 1) }))
    .where('id', '=', id)
    .returning('state')
    .executeTakeFirstOrThrow();
  return state as ApprovalState;
}

/** False where the person has voted already: nobody votes twice, and nobody changes a vote. */
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
  return found.map(({ person_id: person, name, identity, vote, reason, at }) => ({
    person,
    name,
    identity,
    vote,
    at,
    ...(reason === null ? {} : { reason }),
  }));
}

/** Takes over the run of a request: one that nobody runs, or whose server has not been heard of for a while. */
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

export async function isTokenGood(db: Queries, identity: string): Promise<boolean> {
  if (!identity.startsWith('token:')) return true;
  const found = await db
    .selectFrom('tokens')
    .select('id')
    .where('id', '=', identity.slice('token:'.length))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return found !== undefined;
}
