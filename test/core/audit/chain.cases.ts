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
