import type { Store } from '../store/store.ts';

/** Numbers for the states of the routing feed. They only grow, also over restarts and a change of servers. */
export interface FeedNumbers {
  next(): Promise<number>;
}

/** Numbers are taken from the store in blocks. The rest of a block is lost at a restart, which leaves a gap. */
const blockSize = 1000;

export function createFeedNumbers(store: Store): FeedNumbers {
  let next = 1;
  let last = 0;
  return {
    async next() {
      if (next > last) {
        last = await reserve(store);
        next = last - blockSize + 1;
      }
      return next++;
    },
  };
}

async function reserve(store: Store): Promise<number> {
  const { reserved } = await store.db
    .insertInto('routing_feed')
    .values({ only: 1, reserved: blockSize })
    .onConflict((on) =>
      on.column('only').doUpdateSet((row) => ({ reserved: row('routing_feed.reserved', '+', blockSize) })),
    )
    .returning('reserved')
    .executeTakeFirstOrThrow();
  return reserved;
}
