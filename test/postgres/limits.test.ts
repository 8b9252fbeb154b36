import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { inSlack } from '../support/callers.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';
import { dice, expectAsInSequence, limitsConfig } from '../support/limits.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import type { ModelFolder } from '../support/model-folder.ts';
import { runScript, sourceOf } from '../support/run-script.ts';
import { makeDatabase } from '../support/stores.ts';

let root: string;
let folder: ModelFolder;
let database: Awaited<ReturnType<typeof makeDatabase>>;
let place: TestCore;
let environment: Record<string, string>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ecolink-limits-'));
  folder = await modelFolder();
  database = await makeDatabase(process.env['TEST_POSTGRES_URL'] ?? '');
  await writeFile(join(root, 'ecolink.yaml'), folder.config + limitsConfig);
  environment = { DATABASE_URL: database.url, ECOLINK_CONFIG: join(root, 'ecolink.yaml') };
  place = await startCore({ environment, reconcile: false });
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const attempts = z.array(
  z.object({
    gpus: z.number(),
    outcome: z.enum(['ran', 'waits', 'policy_denied', 'too_many_requests', 'changed_meanwhile']),
  }),
);

/** A process of its own that makes all its calls at once. */
function script(gpus: readonly number[], name: string): string {
  const support = (file: string): string => sourceOf(`../test/support/${file}`);
  return `
    import { attempt } from ${support('limits.ts')};
    import { inSlack } from ${support('callers.ts')};
    import { startCore } from ${support('core.ts')};
    const environment = ${JSON.stringify(environment)};
    await using place = await startCore({ environment, reconcile: false });
    const max = { ...(await inSlack(place.core, 'MAX')), source: 'http' };
    const run = (operation, input) => place.core.execute(operation, input, max);
    const calls = ${JSON.stringify(gpus)}.map((count, index) =>
      attempt(run, 'launch_instance',
        { model: 'tiny', accelerator: 'h100', accelerator_count: count, reason: '${name} ' + index }, count));
    console.log(JSON.stringify(await Promise.all(calls)));`;
}

test.each([1, 2, 3])(
  'two processes on one PostgreSQL pass no limit together, and hold calls back as in sequence (seed %i)',
  async (seed) => {
    const roll = dice(seed);
    const max = { ...(await inSlack(place.core, 'MAX')), source: 'http' as const };
    await place.core.execute('register_model', tiny, max);
    const sizes = (): number[] => Array.from({ length: 3 + roll(5) }, () => 1 + roll(3));
    const ends = await Promise.all(['one', 'two'].map((name) => runScript(script(sizes(), name))));
    for (const { code, output } of ends) expect({ code, output }).toMatchObject({ code: 0 });
    const made = ends.flatMap(({ output }) => attempts.parse(JSON.parse(output)));
    expect(made.some(({ outcome }) => outcome !== 'ran')).toBe(true);
    expectAsInSequence(made, 0);
  },
);
