import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A repo in git itself, with large files as LFS keeps them: a pointer in the tree, the bytes beside it. */
export interface GitRepo {
  commit: string;
  /** Of every file in git, by path. */
  blobs: Map<string, string>;
  /** Where the bytes of a large file lie. */
  lfsObject(content: Buffer): string;
}

export function makeGitRepo(
  folder: string,
  small: Record<string, string | Buffer>,
  large: Record<string, Buffer>,
): GitRepo {
  mkdirSync(folder, { recursive: true });
  const git = (...words: string[]): string => execFileSync('git', words, { cwd: folder, encoding: 'utf8' }).trim();
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  const lfsObject = (content: Buffer): string => {
    const sha = sha256(content);
    return join('.git/lfs/objects', sha.slice(0, 2), sha.slice(2, 4), sha);
  };
  git('init', '--quiet', '--initial-branch', 'main');
  for (const [path, content] of Object.entries(small)) write(path, content);
  for (const [path, content] of Object.entries(large)) {
    write(lfsObject(content), content);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(content)}\nsize ${content.length}\n`;
    write(path, pointer);
  }
  git('add', '--all');
  git('-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '--quiet', '--message', 'first');
  const listed = git('-c', 'core.quotePath=false', 'ls-tree', '-r', 'HEAD').split('\n');
  const blobs = listed.map((line) => /^\d+ blob ([0-9a-f]{40})\t(.*)$/.exec(line) ?? []);
  return {
    commit: git('rev-parse', 'HEAD'),
    blobs: new Map(blobs.map(([, id = '', path = '']) => [path, id])),
    lfsObject: (content) => join(folder, lfsObject(content)),
  };
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
