import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyChain } from '../../../src/core/audit/chain.ts';
import { openStore } from '../../../src/core/store/store.ts';
import { appendInProcess } from '../../support/append-audit.ts';

test('two processes append 1,000 rows each to one SQLite, and the chain is intact', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ecolink-audit-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  const store = undo.use(await openStore({ dataDir }));
  const open = JSON.stringify({ dataDir });
  const ends = await Promise.all([appendInProcess(open, 1000), appendInProcess(open, 1000)]);
  expect(ends).toEqual([
    { code: 0, output: '' },
    { code: 0, output: '' },
  ]);
  expect(await verifyChain(store, Buffer.alloc(32, 7), [])).toEqual({ rows: 2000, findings: [] });
});
