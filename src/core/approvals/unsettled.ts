import type { Queries } from '../store/store.ts';

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
