import { ruleText } from '../policy/decide.ts';
import type { NamedRule } from '../policy/decide.ts';
import { hashOfRules, isAnswer, readRules, replay } from '../policy/verdict.ts';
import type { Store } from '../store/store.ts';
import type { AuditRow } from './event.ts';

/** How many verdicts were recomputed. */
export interface ReplayCount {
  replayed: number;
  /** Verdicts whose facts or rules are not stored, or which this version cannot read. */
  notReplayable: number;
}

export interface Replay {
  readonly count: ReplayCount;
  check(row: AuditRow): Promise<string[]>;
}

/** The rules of a stored policy. `unreadable`: another version wrote them. */
type StoredPolicy = { rules: readonly NamedRule[] } | 'missing' | 'changed' | 'unreadable';

/** Recomputes verdicts from the facts and the rules that the audit keeps. It asks no region, no Hub and no server. */
export function createReplay(store: Store): Replay {
  const count: ReplayCount = { replayed: 0, notReplayable: 0 };
  const policies = new Map<string, StoredPolicy>();
  const policyOf = async (hash: string): Promise<StoredPolicy> => {
    const known = policies.get(hash) ?? (await readPolicy(store, hash));
    policies.set(hash, known);
    return known;
  };
  return {
    count,
    async check(row) {
      if (row.policy === null) return [];
      const { policy_hash: hash, facts, verdict } = row;
      if (hash === null || facts === null || verdict === null) {
        count.notReplayable += 1;
        return [];
      }
      const policy = await policyOf(hash);
      if (policy === 'missing') return [`The policy ${hash} of row ${row.number} is missing.`];
      if (policy === 'changed') return [`The policy ${hash} of row ${row.number} was changed.`];
      const answer = policy === 'unreadable' ? undefined : replay(policy.rules, facts);
      if (answer === undefined) {
        count.notReplayable += 1;
        return [];
      }
      count.replayed += 1;
      if (isAnswer(verdict, answer)) return [];
      return [
        `The verdict of row ${row.number} (${row.policy}) differs: its facts and its policy give "${ruleText(answer)}".`,
      ];
    },
  };
}

async function readPolicy({ db }: Store, hash: string): Promise<StoredPolicy> {
  const row = await db.selectFrom('policies').select('rules').where('hash', '=', hash).executeTakeFirst();
  if (!row) return 'missing';
  if (hashOfRules(row.rules) !== hash) return 'changed';
  const rules = readRules(row.rules);
  return rules ? { rules } : 'unreadable';
}
