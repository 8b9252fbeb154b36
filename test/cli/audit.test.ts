import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { readLocalToken, readServerFile } from '../../src/client/data-folder.ts';
import { defined } from '../support/defined.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

const auditRow = z.object({ number: z.int(), operation: z.string(), person: z.string() });

let served: ServeChild;
beforeAll(async () => {
  served = await startServe();
  const { url } = defined(await readServerFile(served.dataDir));
  const headers = {
    authorization: `Bearer ${await readLocalToken(served.dataDir)}`,
    'content-type': 'application/json',
  };
  // Each call makes two rows: together they need more than one page.
  for (let count = 0; count < 60; count++)
    await fetch(`${url}/api/operations/list_credentials`, { method: 'POST', headers, body: '{}' });
  await served.run('delete-model', 'nothing');
});
afterAll(() => served[Symbol.asyncDispose]());

const exported = async (...flags: string[]) => {
  const { stdout, status } = await served.run('audit', 'export', ...flags);
  expect(status).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => auditRow.parse(JSON.parse(line)));
};

test('an export has every row of the audit on its own line, oldest first, and filters keep only some', async () => {
  const rows = await exported();
  expect(rows.length).toBeGreaterThan(120);
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, index) => index + 1));
  const deletions = await exported('--operation', 'delete-model');
  expect(deletions.map(({ operation }) => operation)).toEqual(['delete_model', 'delete_model']);
  expect(await exported('--actor', 'nobody')).toEqual([]);
  expect(await exported('--since', '2099-01-01T00:00:00Z')).toEqual([]);
});

test('audit verify says that the audit holds, or with status 5 what is wrong', async () => {
  expect(await served.run('audit', 'verify')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^The audit holds: \d+ rows/),
  });
  expect(await served.run('audit', 'verify', '--replay')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/none differs\. 0 cannot be recomputed/),
  });
  const database = new Sqlite(join(served.dataDir, 'ecolink.db'), { timeout: 5000 });
  database.exec(`update audit_events set person = 'mallory' where number = 7`);
  database.close();
  expect(await served.run('audit', 'verify')).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('Row 7 shows something else than was recorded.'),
  });
  const { stdout, status } = await served.run('audit', 'verify', '--json');
  expect([status, JSON.parse(stdout)]).toMatchObject([5, { holds: false }]);
});
