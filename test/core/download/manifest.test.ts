import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PullFailure } from '../../../src/core/download/failure.ts';
import { parseManifest } from '../../../src/core/download/disk/paths.ts';
import { pullEnvironment } from '../../../src/core/config/pull-environment.ts';
import { spawnSync } from 'node:child_process';
import { pullEntry, temporaryFolder } from './pulling.ts';

const good = {
  version: 1,
  endpoint: 'https://huggingface.co',
  repo: 'acme/tiny-chat',
  commit: 'a'.repeat(40),
  files: [{ path: 'config.json', size: 2 }],
};

function parse(change: object) {
  return parseManifest(JSON.stringify({ ...good, ...change }));
}

describe('a pull manifest', () => {
  test('is accepted without changes if it is valid', () => {
    expect(parse({})).toEqual(good);
    expect(parse({ repo: 'gpt2' }).repo).toBe('gpt2');
  });

  test.each([
    '/etc/passwd',
    '../up',
    'a/../../up',
    'a//b',
    './a',
    'a/.',
    '',
    'a\0b',
    'a\\..\\b',
    '.ecolink/complete.json',
  ])('is refused if it would write to %j', (path) => {
    expect(() => parse({ files: [{ path, size: 1 }] })).toThrow(PullFailure);
  });

  test('is refused if it names a file twice, or uses a file as a folder', () => {
    expect(() =>
      parse({
        files: [
          { path: 'a', size: 1 },
          { path: 'a', size: 1 },
        ],
      }),
    ).toThrow('twice');
    expect(() =>
      parse({
        files: [
          { path: 'a/b/c', size: 1 },
          { path: 'a/b', size: 1 },
        ],
      }),
    ).toThrow('below a file');
  });

  test.each(['a/../../x', 'a b/c', '../x', 'a/b/c', '-x/y', 'acme/..'])('is refused for a repo called %j', (repo) => {
    expect(() => parse({ repo })).toThrow('repo');
  });

  test.each(['ftp://hub', 'https://user:secret@hub', 'https://hub/?token=x', 'hub'])(
    'is refused for the endpoint %j',
    (endpoint) => {
      expect(() => parse({ endpoint })).toThrow('endpoint');
    },
  );

  test('is refused for a branch instead of a commit, and if it is no JSON', () => {
    expect(() => parse({ commit: 'main' })).toThrow('commit');
    expect(() => parseManifest('{')).toThrow('not JSON');
  });
});

test('bad input ends the command with status 2 and one line', async () => {
  await using folder = await temporaryFolder();
  const manifest = join(folder.path, 'manifest.json');
  await writeFile(manifest, '{}');
  const runs = [[], ['--manifest', manifest], ['--manifest', manifest, '--target', folder.path], ['--nonsense']];
  for (const extra of runs) {
    const { status, stdout } = spawnSync(process.execPath, [pullEntry, ...extra], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'failed', code: 'bad_manifest', retryable: false });
  }
});

test('the environment is checked, and a proxy variable may be in upper or lower case', () => {
  expect(pullEnvironment({ https_proxy: 'http://proxy:3128', OTHER: 'x' }).proxy).toEqual({
    https_proxy: 'http://proxy:3128',
  });
  expect(() => pullEnvironment({ ECOLINK_PULL_CONNECTIONS: 'many' })).toThrow('ECOLINK_PULL_CONNECTIONS');
});
