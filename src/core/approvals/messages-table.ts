import type { Queries } from '../store/store.ts';

/** A message in Slack that shows a request. `team`: the workspace or organisation whose bot wrote it. */
export interface ShownMessage {
  channel: string;
  ts: string;
  team: string | null;
  /** The address of the message, unless it is a direct message. */
  url: string | null;
}

export async function saveMessage(db: Queries, approval: number, message: ShownMessage): Promise<void> {
  await db
    .insertInto('approval_messages')
    .values({ approval_id: approval, ...message })
    .execute();
}

export async function messagesOf(db: Queries, approval: number): Promise<ShownMessage[]> {
  return db
    .selectFrom('approval_messages')
    .select(['channel', 'ts', 'team', 'url'])
    .where('approval_id', '=', approval)
    .execute();
}

export async function urlOf(db: Queries, approval: number): Promise<string | undefined> {
  const found = await db
    .selectFrom('approval_messages')
    .select('url')
    .where('approval_id', '=', approval)
    .where('url', 'is not', null)
    .executeTakeFirst();
  return found?.url ?? undefined;
}

/** Open requests, and ended ones whose approvers were asked and not told of the end. Newest first. */
export async function unsettledApprovals(db: Queries): Promise<number[]> {
  const found = await db
    .selectFrom('approvals')
    .leftJoin('notices as asked', (join) =>
      join
        .onRef('asked.subject', '=', 'approvals.id')
        .on('asked.kind', '=', 'approval')
        .on('asked.about', '=', 'asked')
        .on('asked.given_at', 'is not', null),
    )
    .leftJoin('notices as ended', (join) =>
      join
        .onRef('ended.subject', '=', 'approvals.id')
        .on('ended.kind', '=', 'approval')
        .on('ended.about', '=', 'ended')
        .on('ended.given_at', 'is not', null),
    )
    .select('approvals.id')
    .where((is) =>
      is.or([
        is('approvals.state', 'in', ['pending', 'approved', 'running']),
        is.and([is('asked.subject', 'is not', null), is('ended.subject', 'is', null)]),
      ]),
    )
    .orderBy('approvals.id', 'desc')
    .execute();
  return found.map(({ id }) => id);
}
