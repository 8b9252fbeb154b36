import { closeSync, existsSync, openSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { systemErrorCode } from '../../../base/system-error.ts';
import { isInside } from './inside.ts';

/** What a program in `<prefix>/bin` may need of its prefix. Not `share`: in a home folder it holds other programs' data. */
const prefixParts = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libexec', 'include', 'pyvenv.cfg'];
const maximumLinks = 16;
const shebangBytes = 256;

/**
 * The folders and files that an engine needs to run. For each path among the words of its command: the program, what is
 * installed with it, its interpreter, and the same for where links lead. Of `others`, which may be any words, only the paths
 * themselves. `isPrivate` says which paths must not become visible.
 */
export function programPaths(
  command: readonly string[],
  others: readonly string[],
  isPrivate: (path: string) => boolean,
): string[] {
  const found = new Set<string>();
  for (const word of command) for (const path of linkChain(pathIn(word))) addProgram(path, found, isPrivate);
  for (const word of others) for (const path of linkChain(pathIn(word))) if (!isPrivate(path)) found.add(path);
  const all = [...found];
  return all.filter((path) => !all.some((other) => other !== path && isInside(other, path)));
}

/** `/a/b`, or the value of `--flag=/a/b`. */
function pathIn(word: string): string | undefined {
  const value = word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word;
  return isAbsolute(value) && existsSync(value) ? resolve(value) : undefined;
}

/** A path, and each path that it leads to as a link. */
function linkChain(path: string | undefined): string[] {
  const chain: string[] = [];
  for (let next = path; next !== undefined && chain.length < maximumLinks; next = target(next)) chain.push(next);
  if (path !== undefined) chain.push(realpathSync(path));
  return [...new Set(chain)];
}

function target(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch (thrown) {
    // Not a link: the chain ends here.
    if (systemErrorCode(thrown) === 'EINVAL') return undefined;
    throw thrown;
  }
}

function addProgram(path: string, found: Set<string>, isPrivate: (path: string) => boolean): void {
  const add = (each: string): void => void (existsSync(each) && !isPrivate(each) && found.add(each));
  if (found.has(path)) return;
  if (statSync(path).isDirectory()) return add(path);
  add(path);
  const folder = dirname(path);
  if (['bin', 'sbin'].includes(basename(folder))) for (const part of prefixParts) add(join(dirname(folder), part));
  else add(folder);
  for (const each of linkChain(interpreterOf(path))) addProgram(each, found, isPrivate);
}

/** The interpreter of a script. */
function interpreterOf(path: string): string | undefined {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(shebangBytes);
    const [, interpreter] = /^#!\s*(\S+)/.exec(head.subarray(0, readSync(file, head)).toString('latin1')) ?? [];
    return interpreter === undefined ? undefined : pathIn(interpreter);
  } finally {
    closeSync(file);
  }
}
