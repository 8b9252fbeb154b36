import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));
let tree: string;

/** The fixtures are kept as text, so that nothing takes them for code. They become code in a folder of their own. */
beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'ecolink-layering-'));
  await cp(join(root, 'test/fixtures/layering'), tree, { recursive: true });
  await cp(join(root, 'scripts/lint'), join(tree, 'scripts/lint'), { recursive: true });
  await copyFile(join(root, '.oxlintrc.json'), join(tree, '.oxlintrc.json'));
  const files = await readdir(tree, { recursive: true });
  for (const file of files.filter((each) => each.endsWith('.ts.txt'))) {
    await rename(join(tree, file), join(tree, file.replace(/\.txt$/, '')));
  }
});
afterAll(() => rm(tree, { recursive: true, force: true }));

const report = z.object({
  diagnostics: z.array(z.object({ filename: z.string(), code: z.string(), message: z.string() })),
});

async function findingsOf(rule: string): Promise<Record<string, string>> {
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const ended = promisify(execFile)(oxlint, ['--format', 'json', 'src'], { cwd: tree });
  const stdout = await ended.then(
    (done) => done.stdout,
    (thrown: unknown) => z.object({ stdout: z.string() }).parse(thrown).stdout,
  );
  const { diagnostics } = report.parse(JSON.parse(stdout));
  const found = diagnostics.filter(({ code }) => code.includes(rule));
  return Object.fromEntries(found.map(({ filename, message }) => [relative('src', filename), message]));
}

test('an import against the order of rooms is an error of the project’s own lint, and one along it is none', async () => {
  const baseFirst = 'base comes before store in the order of rooms and may not import it.';
  const narrow =
    'slack may import core/core.ts, the catalogue, core/base, core/operation and core/config, and nothing else of the core.';
  expect(await findingsOf('room-order')).toEqual({
    'core/base/imports-store.ts': baseFirst,
    'core/base/imports-a-type-of-store.ts': baseFirst,
    'core/base/names-a-type-of-store.ts': baseFirst,
    'core/base/exports-from-store.ts': baseFirst,
    'core/base/imports-store-later.ts': baseFirst,
    'core/store/imports-the-roof.ts':
      'store comes before the files of core/ in the order of rooms and may not import it.',
    'core/store/imports-a-new-room.ts': 'core/newroom is no room: add it to the order in scripts/lint/rooms.js.',
    'core/store/imports-slack.ts': 'Core knows no front end and no transport.',
    'core/store/imports-transport.ts': 'Core knows no front end and no transport.',
    'core/store/imports-kubernetes.ts': 'Kubernetes types stay inside core/regions/kubernetes.',
    'slack/imports-the-store.ts': narrow,
    'slack/imports-mcp.ts': 'slack may not import mcp: http alone composes front ends.',
  });
});

test('a circle is an error even if types alone make it', async () => {
  expect(Object.keys(await findingsOf('no-cycle')).toSorted()).toEqual(['core/policy/one.ts', 'core/policy/other.ts']);
});

test('a clock or a timer of its own is an error in the core, but for the downloads', async () => {
  expect(Object.keys(await findingsOf('one-clock')).toSorted()).toEqual([
    'core/store/uses-the-wall-clock.ts',
    'core/store/waits.ts',
  ]);
});
