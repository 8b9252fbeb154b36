/** What the reconciler looks at together: one instance in one region, or one volume. */
export type WorkKey = { instance: number; region: string } | { volume: string };

/** Says that a key is worth a look. Nothing depends on it: everything is looked at again in time. */
export type Nudge = (key: WorkKey) => void;
