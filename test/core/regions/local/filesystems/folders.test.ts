import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { renameSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EcolinkError } from '../../../../../src/core/base/errors.ts';
import type { ErrorBody } from '../../../../../src/core/base/errors.ts';
import {
  listInside,
  markInside,
  readHeadInside,
  readInside,
} from '../../../../../src/core/regions/local/filesystems/folders.ts';
import { runScript, sourceOf } from '../../../../support/run-script.ts';
import { digestOfFiles } from '../../../../../src/core/region/filesystems.ts';

let place: string;
let root: string;
let outside: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'ecolink-shared-'));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  root = join(place, 'shared');
  outside = join(place, 'outside');
  await write('shared/team/tiny/config.json', '{}');
  await write('shared/team/tiny/model.safetensors', 'weights');
  await write('outside/secret.safetensors', 'secret');
  await write('outside/secrets/hidden/x', 'secret');
});

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(place, path)), { recursive: true });
  await writeFile(join(place, path), content);
}

function pathsIn(subfolder: string): string[] {
  return listInside(root, subfolder).map(({ path }) => path);
}

function refusal(look: () => unknown): ErrorBody {
  try {
    look();
  } catch (thrown) {
    if (thrown instanceof EcolinkError) return thrown.toBody();
    throw thrown;
  }
  throw new Error('It was not refused.');
}

describe('a pipe, a socket or a device', () => {
  const pipe = 'team/tiny/pipe.json';
  beforeEach(() => {
    execFileSync('mkfifo', [join(root, pipe)]);
  });

  test('is listed as what it is, and never opened', async () => {
    const server = createServer().listen(join(root, 'team/tiny/socket'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const special = listInside(root, 'team').filter((entry) => entry.special);
    expect(special.map(({ path }) => path)).toEqual(['tiny/pipe.json', 'tiny/socket']);
  });

  test.each([
    ['read', () => readInside(root, pipe, 100)],
    ['read in part', () => readHeadInside(root, pipe, 100)],
    ['marked', () => markInside(root, 'team/tiny', ['pipe.json'])],
  ])('is refused if it is to be %s', (_, look) => {
    expect(refusal(look)).toMatchObject({ code: 'not_regular_file', message: expect.stringContaining(pipe) });
  });

  test('is opened without waiting for its other end, if it takes the place of a file after the look', async () => {
    const { output } = await runScript(`
      import { FolderTree, openAt } from ${sourceOf('core/regions/local/filesystems/folder-tree.ts')};
      const tree = new FolderTree(${JSON.stringify(join(root, 'team/tiny'))});
      console.log('opened', openAt(tree.root, 'pipe.json') > 0);
    `);
    expect(output).toBe('opened true\n');
  });

  test('is refused behind a link too', async () => {
    await symlink('pipe.json', join(root, 'team/tiny/link.json'));
    expect(refusal(() => readInside(root, 'team/tiny/link.json', 100))).toMatchObject({ code: 'not_regular_file' });
  });
});

describe('a link that leads out', () => {
  const links: [string, (at: string) => Promise<void>][] = [
    ['by an absolute path', (at) => symlink(join(outside, 'secrets'), at)],
    ['by ".."', (at) => symlink('../outside/secrets', at)],
    [
      'over other links',
      async (at) => {
        await symlink('team/hop', at);
        await symlink('../hop', join(root, 'team/hop'));
        await symlink('team/../../outside/secrets', join(root, 'hop'));
      },
    ],
    [
      'through a folder of the filesystem',
      async (at) => {
        await symlink(join(root, 'team/../../outside/secrets'), at);
      },
    ],
  ];

  test.each(links)('%s is refused, and no name outside is told', async (_, make) => {
    await make(join(root, 'out'));
    for (const subfolder of ['out', 'out/hidden', 'out/nothing', 'out/hidden/x/y']) {
      const refused = refusal(() => listInside(root, subfolder));
      expect(refused).toMatchObject({ code: 'link_leads_out', message: expect.stringContaining(`"${subfolder}"`) });
      expect(JSON.stringify(refused).replaceAll(subfolder, '')).not.toContain('hidden');
    }
    for (const path of ['out/hidden/x', 'out/hidden/y']) {
      expect(refusal(() => readInside(root, path, 100))).toMatchObject({ code: 'link_leads_out' });
      expect(refusal(() => readHeadInside(root, path, 100))).toMatchObject({ code: 'link_leads_out' });
      expect(refusal(() => markInside(root, '', [path]))).toMatchObject({ code: 'link_leads_out' });
    }
  });

  test('gives the same error whether its target exists or not', async () => {
    await symlink(join(outside, 'secrets'), join(root, 'there'));
    await symlink(join(outside, 'nothing'), join(root, 'gone'));
    const [there, gone] = ['there', 'gone'].map((name) => JSON.stringify(refusal(() => listInside(root, name))));
    expect(there?.replaceAll('there', 'gone')).toBe(gone);
  });

  test('is refused inside a folder too, whether it is a file or a folder', async () => {
    await symlink(join(outside, 'secret.safetensors'), join(root, 'team/tiny/second.safetensors'));
    expect(refusal(() => listInside(root, 'team'))).toMatchObject({
      code: 'link_leads_out',
      message: expect.stringContaining('team/tiny/second.safetensors'),
    });
    await rm(join(root, 'team/tiny/second.safetensors'));
    await symlink(outside, join(root, 'team/tiny/more'));
    expect(refusal(() => listInside(root, 'team'))).toMatchObject({ code: 'link_leads_out' });
  });

  test('is not named as a neighbour of a folder that does not exist', async () => {
    await symlink(outside, join(root, 'team/link'));
    expect(refusal(() => listInside(root, 'team/nothing'))).toMatchObject({
      code: 'subfolder_not_found',
      valid_values: ['team/tiny'],
    });
  });

  test('is not followed if it takes the place of a folder that is being listed', async () => {
    await write('shared/team/tiny/sub/inside.json', '{}');
    let isSwapped = false;
    const swap = (): void => {
      if (isSwapped) return;
      isSwapped = true;
      renameSync(join(root, 'team/tiny'), join(root, 'moved'));
      symlinkSync(outside, join(root, 'team/tiny'));
    };
    const found = listInside(root, 'team/tiny', swap).map(({ path }) => path);
    expect(isSwapped).toBe(true);
    expect(found).toEqual(['config.json', 'model.safetensors', 'sub/inside.json']);
  });

  test('is not followed by a mark if it takes the place of the folder', async () => {
    const before = markInside(root, 'team/tiny', ['config.json', 'model.safetensors']);
    await write('outside/config.json', '{"secret":true}');
    let isSwapped = false;
    const after = markInside(root, 'team/tiny', ['config.json', 'model.safetensors'], () => {
      if (isSwapped) return;
      isSwapped = true;
      renameSync(join(root, 'team/tiny'), join(root, 'moved'));
      symlinkSync(outside, join(root, 'team/tiny'));
    });
    expect(after).toEqual(before);
  });
});

describe('a link that stays inside', () => {
  test.each([
    ['relative', '../team/tiny'],
    ['absolute', 'ROOT/team/tiny'],
    ['absolute with detours', 'ROOT//team/./tiny/../tiny/'],
  ])('is followed: %s', async (_, target) => {
    await mkdir(join(root, 'linked'));
    await symlink(target.replace('ROOT', root), join(root, 'linked/model'));
    expect(pathsIn('linked')).toEqual(['model/config.json', 'model/model.safetensors']);
    expect(pathsIn('linked/model')).toEqual(['config.json', 'model.safetensors']);
    expect(readInside(root, 'linked/model/config.json', 10).toString()).toBe('{}');
  });

  test('may name the filesystem by another path to it', async () => {
    const other = join(place, 'alias');
    await symlink(root, other);
    await symlink(join(other, 'team/tiny'), join(root, 'latest'));
    expect(listInside(other, 'latest').map(({ path }) => path)).toEqual(['config.json', 'model.safetensors']);
  });

  test('does not end a listing if it dangles, and does not keep it going if it leads up', async () => {
    await symlink('nothing.json', join(root, 'team/tiny/gone.json'));
    await symlink('..', join(root, 'team/tiny/up'));
    await symlink('.', join(root, 'team/tiny/same'));
    await symlink('round', join(root, 'team/tiny/round'));
    expect(pathsIn('team')).toEqual(['tiny/config.json', 'tiny/model.safetensors']);
  });
});

describe('what is looked at has bounds', () => {
  test('in files', async () => {
    await mkdir(join(root, 'many'));
    const names = Array.from({ length: 20_001 }, (_, number) => join(root, 'many', `${number}`));
    for (let at = 0; at < names.length; at += 500)
      await Promise.all(names.slice(at, at + 500).map((name) => writeFile(name, '')));
    expect(refusal(() => listInside(root, 'many'))).toMatchObject({ code: 'too_many_files' });
    await rm(names[0] ?? '');
    expect(listInside(root, 'many')).toHaveLength(20_000);
  });

  test('in levels', async () => {
    await mkdir(join(root, 'deep', ...Array<string>(39).fill('d')), { recursive: true });
    expect(pathsIn('deep')).toEqual([]);
    await mkdir(join(root, 'deep', ...Array<string>(40).fill('d')), { recursive: true });
    expect(refusal(() => listInside(root, 'deep'))).toMatchObject({ code: 'folder_too_deep' });
  });

  test('in the length of a path', async () => {
    await mkdir(join(root, 'long', ...Array<string>(5).fill('n'.repeat(250))), { recursive: true });
    expect(refusal(() => listInside(root, 'long'))).toMatchObject({ code: 'folder_too_deep' });
    for (const subfolder of ['n'.repeat(256), 'n/'.repeat(600)])
      expect(refusal(() => listInside(root, subfolder))).toMatchObject({ code: 'bad_subfolder' });
  });

  test('in links that double at every level', async () => {
    await mkdir(join(root, 'links'));
    for (let level = 0; level < 30; level++) {
      await mkdir(join(root, `links/${level}`));
      for (const side of ['a', 'b']) await symlink(`../${level + 1}`, join(root, `links/${level}/${side}`));
    }
    await mkdir(join(root, 'links/30'));
    expect(refusal(() => listInside(root, 'links/0'))).toMatchObject({ code: 'too_many_files' });
  });

  test('in the bytes of a file', () => {
    expect(refusal(() => readInside(root, 'team/tiny/config.json', 1))).toMatchObject({ code: 'file_too_large' });
  });
});

test('only what is not there counts as absent: another problem is told', async () => {
  await write('shared/team/tiny/file', 'x');
  expect(markInside(root, 'team/tiny', ['gone.json', 'file/below.json'])).toEqual([]);
  expect(refusal(() => readInside(root, 'team/gone.json', 10))).toMatchObject({ code: 'file_not_found' });
  expect(refusal(() => listInside(join(place, 'nothing'), 'a'))).toMatchObject({ code: 'filesystem_missing' });
  // The longest name that a walk takes, and longer than one that a filesystem takes.
  await symlink('n'.repeat(300), join(root, 'team/tiny/odd'));
  expect(refusal(() => readInside(root, 'team/tiny/odd', 10))).toMatchObject({
    code: 'folder_unreadable',
    message: expect.stringContaining('ENAMETOOLONG'),
  });
});

describe('a mark', () => {
  const large = 'team/tiny/large.safetensors';
  const time = new Date('2026-01-01T00:00:00Z');
  const digest = (): string => digestOfFiles(markInside(root, 'team/tiny', ['config.json', 'large.safetensors']));

  async function fill(at: 'head' | 'middle' | 'tail'): Promise<void> {
    const size = 3 * 1024 ** 2;
    const content = Buffer.alloc(size);
    content[{ head: 0, middle: size / 2, tail: size - 1 }[at]] = 1;
    await writeFile(join(root, large), content);
    await utimes(join(root, large), time, time);
  }

  beforeEach(() => fill('middle'));

  test.each(['head', 'tail'] as const)('tells weights of the same size and time with another %s apart', async (at) => {
    const before = digest();
    await fill(at);
    expect(digest()).not.toBe(before);
  });

  test('tells small files of the same size and time apart', async () => {
    await utimes(join(root, 'team/tiny/config.json'), time, time);
    const before = digest();
    await writeFile(join(root, 'team/tiny/config.json'), '[]');
    await utimes(join(root, 'team/tiny/config.json'), time, time);
    expect(digest()).not.toBe(before);
  });

  test('does not depend on inodes, nor on the time of a small file', async () => {
    const before = digest();
    await rename(join(root, large), join(root, 'old'));
    await fill('middle');
    await utimes(join(root, 'team/tiny/config.json'), time, time);
    expect(digest()).toBe(before);
    await utimes(join(root, large), new Date(0), new Date(0));
    expect(digest()).not.toBe(before);
  });

  test('reads only the ends of a very large file', async () => {
    await truncate(join(root, large), 1024 ** 4);
    expect(markInside(root, 'team/tiny', ['large.safetensors'])).toMatchObject([
      { size: 1024 ** 4, mark: expect.stringMatching(/^ends:[0-9a-f]{64}$/) },
    ]);
  });

  test('has the order of paths, whatever the order of the question', () => {
    const paths = ['config.json', 'large.safetensors', 'model.safetensors'];
    const marked = markInside(root, 'team/tiny', paths);
    expect(markInside(root, 'team/tiny', paths.toReversed())).toEqual(marked);
    expect(digestOfFiles(marked.toReversed())).toBe(digestOfFiles(marked));
  });
});
