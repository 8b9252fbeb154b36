import type { Access } from '../access/access.ts';
import type { Log } from '../base/log.ts';
import type { Changes } from '../base/changes.ts';
import { tellOnce } from '../notify/notify-once.ts';
import { endingBetween } from './table.ts';
import type { Store } from '../store/store.ts';
import { modelId } from './instance.ts';
import type { Instance } from './instance.ts';
import { longestLeadMs, warnTime } from './stop-time.ts';

/** A warning for the owner of an instance that stops by itself soon. */
export interface Ending {
  instance: number;
  modelId: string;
  stopAt: string;
  /** All identities of the owner. A front end uses those that it can reach. */
  identities: readonly string[];
}

/** For front ends that warn owners. */
export interface EndingBoard {
  /** Calls `warn` once for each ending, across all servers and restarts. */
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
      for (const instance of await endingSoon(deps, true)) {
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

/** Publishes a change when the end of an instance is near, so that views of it show the warning. Each server does it once. */
export function createEndingHints({ store, changes, log, now }: HintDeps): () => Promise<void> {
  let hinted = new Map<number, string>();
  return async (): Promise<void> => {
    const before = hinted;
    const ending = await endingSoon({ store, now }, false);
    hinted = new Map(ending.map(({ id, stopAt }) => [id, stopAt]));
    for (const { id, stopAt } of ending) {
      if (before.get(id) === stopAt) continue;
      log.info({ instance: id, stop_at: stopAt }, 'the instance stops by itself soon');
      changes.publish({ kind: 'instance', id: String(id) });
    }
  };
}

async function endingSoon({ store, now }: Pick<HintDeps, 'store' | 'now'>, unwarnedOnly: boolean) {
  const at = now();
  const horizon = new Date(at.getTime() + longestLeadMs);
  const found = await endingBetween(store.db, at.toISOString(), horizon.toISOString(), unwarnedOnly);
  return found.filter((each) => endsSoon(each, at));
}

export function endsSoon({ stopAt, spec }: Instance, now: Date): boolean {
  return stopAt !== undefined && warnTime(stopAt, spec.stopAfter) <= now.toISOString();
}
