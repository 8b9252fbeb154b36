import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { atTerminal, inSlack } from '../../support/callers.ts';
import { runPlainly } from '../../support/plain.ts';
import { startCore } from '../../support/core.ts';
import type { TestCore } from '../../support/core.ts';
import { modelFolder, tiny } from '../../support/model-folder.ts';

/** Ada and Bo approve, Max and Mia are members, Root is admin and sits at the terminal; Max has two identities. */
export const people = `
people:
  - { name: root, role: admin, identities: [local] }
  - { name: ada, role: approver, identities: ["slack:T1/ADA"] }
  - { name: bo, role: approver, identities: ["slack:T1/BO", "slack:T2/BO"] }
  - { name: max, role: member, identities: ["slack:T1/MAX"] }
  - { name: mia, role: member, identities: ["slack:T1/MIA"] }
`;

export const machine = `
regions: [{ name: local, kind: local, accelerators: [{ name: h100, total: 64 }] }]
prices: { h100: 2 }
`;

export interface DecisionPlace extends AsyncDisposable {
  place: TestCore;
  /** The text of `ecolink.yaml` that it began with. */
  config: string;
  ada: Caller;
  bo: Caller;
  max: Caller;
  mia: Caller;
  /** By their Slack account, over HTTP; root from the terminal. */
  as(name: string): Promise<Caller>;
  /** By a token of theirs. */
  withToken(name: string, kind: { agent?: boolean; mayDecide?: boolean }, source?: Caller['source']): Promise<Caller>;
  run: (who: Caller, operation: string, input?: object) => Promise<Record<string, unknown>>;
  approval(id: number): Promise<Record<string, unknown>>;
  approve(who: Caller, id?: string, more?: object): Promise<Record<string, unknown>>;
  /** Waits until a request has the state. */
  reaches(state: string, id?: number): Promise<void>;
  /** Other people and rules from now on, in place of those it began with. */
  configure(more: string): Promise<void>;
  /** Does to the database what nothing in the program would. */
  meddle(statement: string): void;
  write(file: string, text: string | Buffer): Promise<void>;
  /** The folder that is the filesystem `nfs`. */
  folder: string;
}

/** A core with those people and the model `tiny`, which belongs to Max. Nothing but the loop of approvals needs a server. */
export async function decisionPlace(more = '', reconcile = true): Promise<DecisionPlace> {
  const folder = await modelFolder();
  const base = machine + people + folder.config;
  const place = await startCore({ reconcile, config: base + more });
  const as = async (name: string): Promise<Caller> => {
    if (name === 'root') return atTerminal(place.core);
    // Over HTTP they reach every operation.
    return { ...(await inSlack(place.core, name.toUpperCase())), source: 'http' };
  };
  const [ada, bo, max, mia] = await Promise.all([as('ada'), as('bo'), as('max'), as('mia')]);
  await place.core.execute('register_model', tiny, max);
  const run: DecisionPlace['run'] = (who, operation, input = {}) => runPlainly(place.core, operation, input, who);
  const approval = (id: number) => place.run('get_approval', { approval: String(id) });
  let count = 0;
  return {
    place,
    config: base + more,
    ada,
    bo,
    max,
    mia,
    as,
    async withToken(name, kind, source = 'http') {
      const made = await place.core.access.createToken((await as(name)).person, `t-${count++}`, ['operate'], kind);
      return (await place.core.access.callerOfToken(made.token, source)) as Caller;
    },
    run,
    approval,
    approve: (who, id = '1', more = {}) => run(who, 'approve_request', { approval: id, ...more }),
    reaches: (state, id = 1) => expect.poll(async () => (await approval(id))['state'], { timeout: 15_000 }).toBe(state),
    configure: (text) => writeFile(join(place.dataDir, 'ecolink.yaml'), base.replace(people, '') + text),
    meddle(statement) {
      const database = new Sqlite(join(place.dataDir, 'ecolink.db'));
      database.exec(statement);
      database.close();
    },
    write: (file, text) => folder.write(file, text),
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
