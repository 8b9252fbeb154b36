import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let tree: string;

/** The fixtures are kept as text, because nothing else may take them for code, and become code where nothing else looks. */
beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'ecolink-layering-'));
  await cp(join(root, 'test/fixtures/layering'), tree, { recursive: true });
  await copyFile(join(root, '.oxlintrc.json'), join(tree, '.oxlintrc.json'));
  const files = await readdir(tree, { recursive: true });
  for (const file of files.filter((each) => each.endsWith('.ts.txt'))) {
    await rename(join(tree, file), join(tree, file.replace(/\.txt$/, '')));
  }
});
afterAll(() => rm(tree, { recursive: true, force: true }));

interface Finding {
  filename: string;
  code: string;
  help?: string;
}

async function lint(): Promise<Finding[]> {
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const ended = promisify(execFile)(oxlint, ['--format', 'json', '.'], { cwd: tree });
  const { stdout } = await ended.catch((thrown: { stdout: string }) => thrown);
  return (JSON.parse(stdout) as { diagnostics: Finding[] }).diagnostics;
}

test('an import across the layers is an error of the project’s own lint, and one along them is none', async () => {
  const findings = (await lint()).filter((finding) => finding.code.includes('no-restricted-imports'));
  const said = Object.fromEntries(findings.map(({ filename, help }) => [relative('src', filename), help]));
  expect(said).toEqual({
    'core/imports-slack.ts': 'Core knows no front end and no transport.',
    'core/imports-transport.ts': 'Core knows no front end and no transport.',
    'core/imports-kubernetes.ts': 'Kubernetes types stay inside core/regions/kubernetes.',
    'core/regions/kubernetes/imports-slack.ts': 'Core knows no front end and no transport.',
    'slack/imports-mcp.ts': 'A front end imports core and never another front end.',
  });
});
