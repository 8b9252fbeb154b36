/** The unit that the reconciler works on: one instance in one region, or one volume. */
export type WorkKey = { instance: number; region: string } | { volume: string };

/** Asks the reconciler to look at a key soon. A lost nudge does no harm: every key is looked at regularly. */
export type Nudge = (key: WorkKey) => void;
