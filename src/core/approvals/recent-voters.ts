import type { Queries } from '../store/store.ts';

/** Names of people who have decided, those who decided last first. */
export async function recentVoters(db: Queries, limit: number): Promise<string[]> {
  const found = await db
    .selectFrom('votes')
    .innerJoin('persons', 'persons.id', 'votes.person_id')
    .select((is) => ['persons.name', is.fn.max('votes.at').as('last')])
    .groupBy('persons.name')
    .orderBy('last', 'desc')
    .limit(limit)
    .execute();
  return found.map(({ name }) => name);
}
