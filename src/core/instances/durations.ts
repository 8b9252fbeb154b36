import type { PastDuration, PastDurations } from '../plan/estimate.ts';
import type { Queries } from '../store/store.ts';

interface Kind {
  what: 'download' | 'start';
  region: string;
  /** Empty for a download. */
  runtime: string;
}

/** Rows that are kept of each kind. */
const kept = 100;

/** Keeps how long a download or a start took, and drops the oldest of its kind. */
export async function keepDuration(db: Queries, kind: Kind, past: PastDuration, at: string): Promise<void> {
  // A wall clock may go back.
  if (past.ms < 0) return;
  await db
    .insertInto('durations')
    .values({ ...kind, bytes: past.bytes, ms: past.ms, at })
    .execute();
  const oldest = await ofKind(db, kind).select('at').offset(kept).limit(1).executeTakeFirst();
  if (oldest === undefined) return;
  await db
    .deleteFrom('durations')
    .where('what', '=', kind.what)
    .where('region', '=', kind.region)
    .where('runtime', '=', kind.runtime)
    .where('at', '<=', oldest.at)
    .execute();
}

/** The downloads and starts of a region. */
export async function pastDurations(db: Queries, region: string): Promise<PastDurations> {
  const found = await db
    .selectFrom('durations')
    .select(['what', 'runtime', 'bytes', 'ms'])
    .where('region', '=', region)
    .execute();
  const starts = found.filter(({ what }) => what === 'start');
  return {
    downloads: found.filter(({ what }) => what === 'download'),
    starts: Map.groupBy(starts, ({ runtime }) => runtime),
  };
}

function ofKind(db: Queries, { what, region, runtime }: Kind) {
  return db
    .selectFrom('durations')
    .where('what', '=', what)
    .where('region', '=', region)
    .where('runtime', '=', runtime)
    .orderBy('at', 'desc');
}
