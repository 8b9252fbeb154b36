import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const slow = 300_000;
let tree: string;

/** A copy of the project, in which somebody has followed docs/adding-an-operation.md. */
beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'ecolink-adding-'));
  for (const part of ['src', 'scripts', 'docs', 'tsconfig.json', 'package.json'])
    await cp(join(root, part), join(tree, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
  const page = await readFile(join(tree, 'docs/adding-an-operation.md'), 'utf8');
  const [file = '', importLine = '', line = ''] = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(
    ([, code = '']) => code,
  );
  await writeFile(join(tree, 'src/core/operations/count-models.ts'), file);
  const catalogue = join(tree, 'src/core/operations/catalogue.ts');
  const before = await readFile(catalogue, 'utf8');
  await writeFile(catalogue, importLine + before.replace(/^ {2}get_model: /m, (found) => line + found));
}, slow);
afterAll(() => rm(tree, { recursive: true, force: true }));

async function runNode(...words: string[]): Promise<string> {
  const environment = { PATH: process.env['PATH'], ECOLINK_DATA_DIR: join(tree, 'data'), ECOLINK_CONFIG: '/dev/null' };
  return (await promisify(execFile)(process.execPath, words, { cwd: tree, env: environment })).stdout;
}

test('an operation of one file and two lines compiles', { timeout: slow }, async () => {
  expect(await runNode(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')).toBe('');
});

test('it is a command with help, and answers', { timeout: slow }, async () => {
  expect(await runNode('src/main.ts', '--help')).toMatch(/^ +count-models .*Count models$/m);
  expect(await runNode('src/main.ts', 'count-models', '--help')).toContain('Only models of this category.');
  expect(JSON.parse(await runNode('src/main.ts', 'count-models', '--category', 'chat', '--json'))).toEqual({
    count: 0,
  });
});

test('it is a tool of MCP', { timeout: slow }, async () => {
  const script = `
    const { tools } = await import('./src/mcp/tools.ts');
    console.log(JSON.stringify(tools.find(({ name }) => name === 'count_models').config));`;
  expect(JSON.parse(await runNode('--input-type=module', '--eval', script))).toMatchObject({
    title: 'Count models',
    description: 'Counts the registered models, up to 100. list_models lists them.',
    annotations: { readOnlyHint: true },
  });
});

test('it is in the generated pages', { timeout: slow }, async () => {
  await runNode('scripts/docs/write-docs.ts');
  expect(await readFile(join(tree, 'docs/operations.md'), 'utf8')).toContain('\n## count_models\n');
  expect(await readFile(join(tree, 'docs/roles.md'), 'utf8')).toMatch(/`count_models`.* all \| all \| all \| yes /);
});
