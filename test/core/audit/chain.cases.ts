import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../../src/core/base/caller.ts';
import { createAuditLog } from '../../../src/core/audit/audit.ts';
import type { AuditLog } from '../../../src/core/audit/audit.ts';
import { closeInterruptedRows } from '../../../src/core/audit/close-interrupted.ts';
import { HeadFile } from '../../../src/core/audit/head-file.ts';
import { ruleText } from '../../../src/core/policy/decide.ts';
import type { PolicyFacts } from '../../../src/core/policy/facts.ts';
import { rulesOf } from '../../../src/core/policy/rules.ts';
import { approvalsSchema, policySchema } from '../../../src/core/policy/schema.ts';
import { reachVerdict, recordOf } from '../../../src/core/policy/verdict.ts';
import { systemClock } from '../../../src/core/base/clock.ts';
import type { Store } from '../../../src/core/store/store.ts';
import { capturedLog } from '../../support/captured-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { stores } from '../../support/stores.ts';

const ada: Caller = {
  person: { id: 'per_1', name: 'ada', role: 'admin' },
  identity: 'local',
  agent: false,
  mayDecide: true,
  source: 'cli',
  scopes: ['operate'],
};
const key = Buffer.alloc(32, 7);
const ground = { policy: 'require: dear', approval: 4, decisions: '[{"name":"bo","vote":"approve"}]' };

interface Place extends AsyncDisposable {
  store: Store;
  audit: AuditLog;
  headFile: string;
  /** The same audit in a server that starts at that time. */
  at(time: Date): AuditLog;
  /** Verifies as another server does: it reads the head file again. */
  verify(withKey?: Buffer): Promise<string[]>;
}

describe.each(stores())('the audit on $name', (kind) => {
  async function place(operations: number): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), 'ecolink-audit-'));
    const open = await kind.open();
    const { store } = open;
    const headFile = join(folder, 'heads.jsonl');
    const heads = new HeadFile(headFile, systemClock);
    const now = (): Date => new Date();
    const audit = createAuditLog({ store, key, heads, now });
    for (let index = 0; index < operations; index++) {
      const opened = await audit.open(ada, 'launch_instance', `{"model":"m${index}"}`, `req_${index}`, ground);
      await audit.close(opened, ada, 'launch_instance', `req_${index}`, { ...ground, outcome: 'done', durationMs: 1 });
    }
    await heads.close();
    return {
      store,
      audit,
      headFile,
      at: (time) => createAuditLog({ store, key, heads: new HeadFile(headFile, systemClock), now: () => time }),
      verify: async (withKey = key) =>
        (await createAuditLog({ store, key: withKey, heads: new HeadFile(headFile, systemClock), now }).verify())
          .findings,
      async [Symbol.asyncDispose]() {
        // Else it writes the last head when the folder is gone.
        await heads.close();
        await open[Symbol.asyncDispose]();
        await rm(folder, { recursive: true, force: true });
      },
    };
  }

  test('is intact if nobody changed it', async () => {
    await using it = await place(4);
    expect(await it.verify()).toEqual([]);
    expect((await it.audit.verify()).rows).toBe(8);
  });

  test('continues after the last number although the newest row was deleted', async () => {
    await using it = await place(2);
    await it.store.db.deleteFrom('audit_events').where('number', '=', 4).execute();
    expect(await it.audit.open(ada, 'stop_instance', '{}', 'req_9')).toBe(5);
  });

  test.each([
    [
      'a changed word',
      sql`update audit_events set person = 'bob' where number = 3`,
      'Row 3 shows something else than was recorded.',
    ],
    [
      'a changed record',
      sql`update audit_events set line = replace(line, 'ada', 'bob'), person = 'bob' where number = 3`,
      'Row 3 was changed.',
    ],
    [
      'another decision',
      sql`update audit_events set decisions = replace(decisions, 'bo', 'cy') where number = 4`,
      'Row 4 shows something else than was recorded.',
    ],
    ['a missing row', sql`delete from audit_events where number = 3`, 'Row 3 is missing.'],
    ['missing first rows', sql`delete from audit_events where number <= 2`, 'Rows 1 to 2 are missing.'],
  ])('finds %s', async (_what, meddle, finding) => {
    await using it = await place(3);
    await meddle.execute(it.store.db);
    expect(await it.verify()).toContain(finding);
  });

  describe('with its verdicts recomputed', () => {
    const rules = rulesOf(
      {
        policy: policySchema.parse([
          { name: 'dear', when: { cost_per_hour: 4 }, require: { approvers: { people: ['bo'] } } },
          { name: 'night', when: { regions: ['us'] }, deny: 'Not there.' },
        ]),
        approvals: approvalsSchema.parse({}),
      },
      false,
    );
    const facts: PolicyFacts = {
      operation: 'launch_instance',
      role: 'member',
      agent: false,
      destroys: false,
      askedAt: new Date('2026-11-23T12:00:00Z'),
      regions: ['eu'],
      costPerHour: 8,
      adds: true,
    };

    /** Two old rows without a verdict, then two calls with one. */
    async function withVerdicts(): Promise<Place> {
      const it = await place(1);
      for (const costPerHour of [8, 1]) {
        const verdict = reachVerdict(rules, { ...facts, costPerHour });
        const policy = ruleText(verdict.answer);
        const opened = await it.audit.open(ada, 'launch_instance', '{}', 'req_v');
        await it.audit.close(opened, ada, 'launch_instance', 'req_v', {
          policy,
          verdict,
          private: false,
          outcome: 'done',
          durationMs: 1,
        });
      }
      return it;
    }

    test('counts them and those of older rows, and keeps a policy once', async () => {
      await using it = await withVerdicts();
      expect(await it.audit.verify({ replay: true })).toEqual({
        rows: 6,
        findings: [],
        replayed: 2,
        notReplayable: 2,
      });
      expect(await it.store.db.selectFrom('policies').select('hash').execute()).toEqual([
        { hash: recordOf(reachVerdict(rules, facts)).policyHash },
      ]);
      expect(await it.audit.verify()).toEqual({ rows: 6, findings: [] });
    });

    test.each([
      ['facts', sql`update audit_events set facts = replace(facts, '"costPerHour":8', '"costPerHour":1')`],
      ['a verdict', sql`update audit_events set verdict = replace(verdict, '"bo"', '"cy"')`],
      ['a name of a policy', sql`update audit_events set policy_hash = 'f' where policy_hash is not null`],
      ['what is private', sql`update audit_events set private = 1 where private = 0`],
    ])('finds %s that were changed', async (_what, meddle) => {
      await using it = await withVerdicts();
      await meddle.execute(it.store.db);
      expect(await it.verify()).toContain('Row 4 shows something else than was recorded.');
    });

    test('finds facts that somebody with the key has changed', async () => {
      await using it = await withVerdicts();
      const forged = reachVerdict(rules, { ...facts, costPerHour: 1 });
      const opened = await it.audit.open(ada, 'launch_instance', '{}', 'req_f');
      // The chain holds: only the facts do not give this verdict.
      await it.audit.close(opened, ada, 'launch_instance', 'req_f', {
        policy: 'require: dear',
        verdict: { ...forged, answer: { answer: 'deny', rule: 'night', reason: 'Not there.' } },
        outcome: 'done',
        durationMs: 1,
      });
      expect(await it.verify()).toEqual([]);
      expect((await it.audit.verify({ replay: true })).findings).toEqual([
        'The verdict of row 8 (require: dear) differs: its facts and its policy give "allow: no rule applies".',
      ]);
    });

    test('finds a policy that was changed by one byte, or deleted', async () => {
      await using it = await withVerdicts();
      const { policyHash } = recordOf(reachVerdict(rules, facts));
      await sql`update policies set rules = replace(rules, 'dear', 'deer')`.execute(it.store.db);
      expect((await it.audit.verify({ replay: true })).findings).toEqual([
        `The policy ${policyHash} of row 4 was changed.`,
        `The policy ${policyHash} of row 6 was changed.`,
      ]);
      await it.store.db.deleteFrom('policies').execute();
      expect((await it.audit.verify({ replay: true })).findings).toEqual([
        `The policy ${policyHash} of row 4 is missing.`,
        `The policy ${policyHash} of row 6 is missing.`,
      ]);
    });

    test('shows the input of something private to its caller and to admins only', async () => {
      await using it = await place(0);
      const input = '{"model":"secret"}';
      const inputs = async (name: string, role: Caller['person']['role']) =>
        (await it.audit.list({ limit: 10 }, { person: { id: 'p', name, role } })).items.map((row) => row.input);
      const opened = await it.audit.open(ada, 'launch_instance', input, 'req_1');
      // It may become known as private.
      expect(await inputs('bo', 'approver')).toEqual([undefined]);
      const end = { outcome: 'done', durationMs: 1 } as const;
      await it.audit.close(opened, ada, 'launch_instance', 'req_1', { ...end, private: true });
      expect(await inputs('bo', 'approver')).toEqual([undefined, undefined]);
      expect(await inputs('ada', 'approver')).toEqual([undefined, input]);
      expect(await inputs('root', 'admin')).toEqual([undefined, input]);
      const next = await it.audit.open(ada, 'launch_instance', input, 'req_2');
      await it.audit.close(next, ada, 'launch_instance', 'req_2', { ...end, private: false });
      expect(await inputs('bo', 'approver')).toEqual([undefined, input, undefined, undefined]);
    });
  });

  test('finds two rows that were swapped', async () => {
    await using it = await place(3);
    const { db } = it.store;
    for (const [from, to] of [
      [2, 99],
      [4, 2],
      [99, 4],
    ]) {
      await sql`update audit_events set number = ${to} where number = ${from}`.execute(db);
    }
    expect(await it.verify()).toEqual(
      expect.arrayContaining(['Row 2 does not follow the row before it.', 'Row 4 does not follow the row before it.']),
    );
  });

  test('finds deleted last rows by the head in the database', async () => {
    await using it = await place(3);
    await it.store.db.deleteFrom('audit_events').where('number', '>', 4).execute();
    expect(await it.verify()).toEqual(['The last rows are missing: 5 to 6.']);
  });

  test('finds last rows that were deleted together with the head by the head in the file', async () => {
    await using it = await place(3);
    const { db } = it.store;
    await db.deleteFrom('audit_events').where('number', '>', 4).execute();
    const { hash } = await db
      .selectFrom('audit_events')
      .select('hash')
      .where('number', '=', 4)
      .executeTakeFirstOrThrow();
    await db.updateTable('audit_head').set({ number: 4, hash }).execute();
    expect(await it.verify()).toEqual(['The last rows are missing: 5 to 6.']);
    expect(await readFile(it.headFile, 'utf8')).toContain('"number":6');
  });

  test('cannot be verified without the key', async () => {
    await using it = await place(1);
    expect(await it.verify(Buffer.alloc(32, 8))).toContain('Row 1 was changed.');
  });

  test('closes a row that a crash left open as interrupted, once', async () => {
    await using it = await place(1);
    const opened = await it.audit.open(ada, 'stop_instance', '{}', 'req_9');
    // A young row may belong to a running operation: of this server after its start, or of another server.
    expect(await it.audit.closeInterrupted(false)).toBe(0);
    if (it.store.flavour === 'postgres') expect(await it.audit.closeInterrupted(true)).toBe(0);
    const later = new Date(Date.now() + 3600_000);
    await Promise.all([it.at(later), it.at(later)].map((server) => server.closeInterrupted(false)));
    expect(await it.at(later).closeInterrupted(false)).toBe(0);
    const { items } = await it.audit.list({ limit: 2 }, ada);
    expect(items).toMatchObject([
      { event: 'closed', opened, outcome: 'interrupted' },
      { event: 'opened', number: opened },
    ]);
    expect(await it.verify()).toEqual([]);
  });

  test('closes old rows that another server left open, and looks for them every minute', async () => {
    await using it = await place(1);
    const clock = createFakeClock(new Date());
    const audit = createAuditLog({
      store: it.store,
      key,
      heads: new HeadFile(it.headFile, clock),
      now: () => clock.now(),
    });
    using _closing = await closeInterruptedRows(audit, clock, capturedLog().log);
    const opened = await audit.open(ada, 'stop_instance', '{}', 'req_9');
    await clock.advance(9 * 60_000);
    expect((await audit.list({ limit: 1 }, ada)).items).toMatchObject([{ event: 'opened', number: opened }]);
    await clock.advance(2 * 60_000);
    await expect
      .poll(async () => (await audit.list({ limit: 1 }, ada)).items)
      .toMatchObject([{ event: 'closed', opened, outcome: 'interrupted' }]);
  });
});
