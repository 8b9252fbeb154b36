import type { Queries } from '../store/store.ts';

/** Something that people are told once: its subject (an approval request or an instance), and which message. */
export interface Notice {
  kind: 'approval' | 'instance';
  subject: number;
  about: string;
}

/** Returns false if the notice was given, or if a live server is giving it now. */
export async function claimNotice(db: Queries, notice: Notice, now: string, until: string): Promise<boolean> {
  const claimed = await db
    .insertInto('notices')
    .values({ ...notice, claimed_until: until, given_at: null })
    .onConflict((on) =>
      on
        .columns(['kind', 'subject', 'about'])
        .doUpdateSet({ claimed_until: until })
        .where('notices.given_at', 'is', null)
        .where('notices.claimed_until', '<', now),
    )
    .returning('subject')
    .executeTakeFirst();
  return claimed !== undefined;
}

export async function noticeGiven(db: Queries, { kind, subject, about }: Notice, at: string): Promise<void> {
  await db
    .updateTable('notices')
    .set({ given_at: at })
    .where('kind', '=', kind)
    .where('subject', '=', subject)
    .where('about', '=', about)
    .execute();
}

export async function wasGiven(db: Queries, { kind, subject, about }: Notice): Promise<boolean> {
  const found = await db
    .selectFrom('notices')
    .select('subject')
    .where('kind', '=', kind)
    .where('subject', '=', subject)
    .where('about', '=', about)
    .where('given_at', 'is not', null)
    .executeTakeFirst();
  return found !== undefined;
}
