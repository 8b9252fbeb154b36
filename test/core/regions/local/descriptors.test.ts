import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { absentIfMissing, isThere } from '../../../../src/core/base/absent.ts';
import { sourceOf } from '../../../support/run-script.ts';

/** Runs a module's text in a process that may have few open files. */
async function withFewDescriptors(code: string): Promise<string> {
  const child = spawn('sh', ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return output;
}

test('what cannot be opened now is not absent: a process that runs is not called ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-descriptors-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'log'), 'one\n');
  const output = await withFewDescriptors(`
    import { closeSync, openSync, writeFileSync } from 'node:fs';
    import { asEcolinkError } from ${sourceOf('core/base/errors.ts')};
    import { lastLines } from ${sourceOf('core/regions/local/last-lines.ts')};
    import { namesIn } from ${sourceOf('core/regions/local/names-in.ts')};
    import { findProcess } from ${sourceOf('core/regions/local/process-table.ts')};
    import { presenceOf } from ${sourceOf('core/regions/local/recorded-process.ts')};
    import { readCompletion } from ${sourceOf('core/download/disk/completion.ts')};
    const folder = ${JSON.stringify(folder)};
    const record = folder + '/process.json';
    const { startTime } = await findProcess(process.pid);
    writeFileSync(record, JSON.stringify({ pid: process.pid, start_time: startTime, note: {} }));
    const code = (thrown) => asEcolinkError(thrown, 'x').code;
    const looks = () => Promise.all([
      presenceOf(record), findProcess(process.pid).then((found) => found !== undefined), namesIn(folder).then((names) => names.length),
      lastLines(folder + '/log', 1), readCompletion(folder).then(() => 'absent'),
    ].map((look) => look.catch(code)));
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null')); } catch {}
    const before = await looks();
    for (const descriptor of taken) closeSync(descriptor);
    console.log(JSON.stringify([before, await looks()]));
  `);
  const used = 'too_many_open_files';
  expect(JSON.parse(output)).toEqual([
    [used, used, used, used, used],
    ['running', true, 2, ['one'], 'absent'],
  ]);
});

test('only a path with nothing behind it is absent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ecolink-absent-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'file'), '');
  expect([isThere(folder), isThere(join(folder, 'none')), isThere(join(folder, 'file/below'))]).toEqual([
    true,
    false,
    false,
  ]);
  expect(() => isThere(join(folder, 'x'.repeat(300)))).toThrow('ENAMETOOLONG');
  for (const code of ['EMFILE', 'EACCES', 'EIO', 'ESTALE'])
    expect(() => absentIfMissing(Object.assign(new Error(code), { code }))).toThrow(code);
});
