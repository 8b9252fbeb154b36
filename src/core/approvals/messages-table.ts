import type { Queries } from '../store/store.ts';

/** Where Slack shows a request, and the workspace or organisation whose bot wrote it there. */
export interface ShownMessage {
  channel: string;
  ts: string;
  team: string | null;
  /** Where people open it, if it is for all of them to see. */
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

/** Requests that go on, and such that people were asked about and whose end they were not told; newest first. */
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
