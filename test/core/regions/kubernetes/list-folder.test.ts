import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { markInside } from '../../../../src/core/regions/local/filesystems/folders.ts';
import { folderReport } from '../../../../src/core/regions/kubernetes/pods/task-answers.ts';
import { modelFolder } from '../../../support/model-folder.ts';

const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));

test.each(['tiny', ''])('a pod lists a folder with pipes, marks its files and ends: "%s"', async (path) => {
  const folder = await modelFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const target = path === '' ? join(folder.path, 'tiny') : folder.path;
  execFileSync('mkfifo', [join(folder.path, 'tiny/pipe.json'), join(folder.path, 'tiny/pipe.safetensors')]);
  const { stdout } = await promisify(execFile)(process.execPath, [
    main,
    'list-folder',
    '--target',
    target,
    '--path',
    path,
  ]);
  const report = folderReport.parse(JSON.parse(stdout));
  expect(report.entries.map((entry) => [entry.path, entry.special])).toEqual([
    ['config.json', undefined],
    ['model.safetensors', undefined],
    ['pipe.json', true],
    ['pipe.safetensors', true],
  ]);
  const marked = markInside(target, path, ['config.json', 'model.safetensors']);
  expect(report.marks).toEqual(Object.fromEntries(marked.map((file) => [file.path, file.mark])));
  expect(Object.keys(report.contents)).toEqual(['config.json']);
});
