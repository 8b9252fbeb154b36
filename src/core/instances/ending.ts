import type { Access } from '../access/access.ts';
import type { Log } from '../base/log.ts';
import type { Changes } from '../base/changes.ts';
import { tellOnce } from '../notify/notify-once.ts';
import { endingBetween } from './table.ts';
import type { Store } from '../store/store.ts';
import { modelId } from './instance.ts';
import type { Instance } from './instance.ts';
import { longestLeadMs, warnTime } from './stop-time.ts';

/** An instance that stops by itself soon, and whose owner should know. */
export interface Ending {
  instance: number;
  modelId: string;
  stopAt: string;
  /** Everything that the owner is known by: a front end tells them where it can. */
  identities: readonly string[];
}

/** What a front end needs to warn owners; it decides nothing. */
export interface EndingBoard {
  /** Calls `warn` for each ending that its owner was not told of, once across all servers and restarts. */
  warnOwners(warn: (ending: Ending) => Promise<void>): Promise<void>;
}

interface Deps {
  store: Store;
  access: Pick<Access, 'identitiesOf'>;
  now: () => Date;
}

export function createEndingBoard(deps: Deps): EndingBoard {
  return {
    async warnOwners(warn) {
      const { access } = deps;
      for (const instance of await nearTheirEnd(deps, true)) {
        const { id, stopAt, owner } = instance;
        await tellOnce(deps, { kind: 'instance', subject: id, about: stopAt }, async () => {
          await warn({
            instance: id,
            modelId: modelId(instance),
            stopAt,
            identities: await access.identitiesOf(owner),
          });
        });
      }
    },
  };
}

interface HintDeps {
  store: Store;
  changes: Changes;
  log: Log;
  now: () => Date;
}

/** Makes whoever looks at an instance look again when its end is near: each server tells its own listeners, once. */
export function createEndingHints({ store, changes, log, now }: HintDeps): () => Promise<void> {
  let hinted = new Map<number, string>();
  return async (): Promise<void> => {
    const before = hinted;
    const near = await nearTheirEnd({ store, now }, false);
    hinted = new Map(near.map(({ id, stopAt }) => [id, stopAt]));
    for (const { id, stopAt } of near) {
      if (before.get(id) === stopAt) continue;
      log.info({ instance: id, stop_at: stopAt }, 'the instance stops by itself soon');
      changes.publish({ kind: 'instance', id: String(id) });
    }
  };
}

async function nearTheirEnd({ store, now }: Pick<HintDeps, 'store' | 'now'>, untoldOnly: boolean) {
  const at = now();
  const horizon = new Date(at.getTime() + longestLeadMs);
  const found = await endingBetween(store.db, at.toISOString(), horizon.toISOString(), untoldOnly);
  return found.filter((each) => isNear(each, at));
}

export function isNear({ stopAt, spec }: Instance, now: Date): boolean {
  return stopAt !== undefined && warnTime(stopAt, spec.stopAfter) <= now.toISOString();
}
