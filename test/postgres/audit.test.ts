import { expect, test } from 'vitest';
import { verifyChain } from '../../src/core/audit/chain.ts';
import { openStore } from '../../src/core/store/store.ts';
import { appendInProcess } from '../support/append-audit.ts';
import { makeDatabase } from '../support/stores.ts';

test(
  'eight processes on one PostgreSQL append 1,000 rows each, and the chain holds',
  { timeout: 180_000 },
  async () => {
    await using database = await makeDatabase(process.env['TEST_POSTGRES_URL'] ?? '');
    await using store = await openStore({ dataDir: '/', databaseUrl: database.url });
    const open = JSON.stringify({ dataDir: '/', databaseUrl: database.url });
    const ends = await Promise.all(Array.from({ length: 8 }, () => appendInProcess(open, 1000)));
    expect(ends.map(({ code, output }) => ({ code, output }))).toEqual(
      Array.from({ length: 8 }, () => ({ code: 0, output: '' })),
    );
    expect(await verifyChain(store, Buffer.alloc(32, 7), [])).toEqual({ rows: 8000, findings: [] });
  },
);
