import type { Queries } from './store.ts';

/** The lease as a server writes it. `holder`: a JSON text, empty if nobody has the lease. */
export interface LeaseRow {
  holder: string;
  expires_at: string;
  /** Counts the holders. A holder whose number is not the last one has lost the lease. */
  epoch?: number;
}

const key = 'reconciler';

export async function readLease(db: Queries): Promise<LeaseRow | undefined> {
  return db.selectFrom('leases').select(['holder', 'epoch', 'expires_at']).where('key', '=', key).executeTakeFirst();
}

/** Takes the lease if it still is as it was seen. Returns its number, or undefined if another server was quicker. */
export async function takeLease(
  db: Queries,
  seen: LeaseRow | undefined,
  { holder, expires_at }: LeaseRow,
): Promise<number | undefined> {
  if (seen?.epoch === undefined) {
    const made = await db
      .insertInto('leases')
      .values({ key, holder, epoch: 1, expires_at })
      .onConflict((on) => on.column('key').doNothing())
      .returning('epoch')
      .executeTakeFirst();
    return made?.epoch;
  }
  const taken = await db
    .updateTable('leases')
    .set({ holder, epoch: seen.epoch + 1, expires_at })
    .where('key', '=', key)
    .where('epoch', '=', seen.epoch)
    .where('holder', '=', seen.holder)
    .returning('epoch')
    .executeTakeFirst();
  return taken?.epoch;
}

/** False if another server has taken the lease. */
export async function renewLease(db: Queries, epoch: number, { holder, expires_at }: LeaseRow): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('leases')
    .set({ holder, expires_at })
    .where('key', '=', key)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function releaseLease(db: Queries, epoch: number): Promise<void> {
  await db.updateTable('leases').set({ holder: '' }).where('key', '=', key).where('epoch', '=', epoch).execute();
}
