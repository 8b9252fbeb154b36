import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from './errors.ts';
import type { EcolinkError } from './errors.ts';
import { systemErrorCode } from './system-error.ts';

/** The account that a process runs as. */
export interface Account {
  uid: number;
  groups: readonly number[];
}

export interface PrivacyOptions {
  /** No other account uses this machine, as in a container: who else could write there does not matter. */
  singleUser?: boolean | undefined;
  /** Default: the account of this process. Undefined on systems without user ids. */
  account?: Account | undefined;
}

/** Why another account can read or change what must be private, and the command that ends it. */
export interface PrivacyProblem {
  code: 'folder_not_private' | 'folder_not_owned';
  path: string;
  said: string;
  mend: string;
  /** The mode that mends it. Undefined: this account may not change it. */
  repair?: number | undefined;
}

/** Files of EcoLink in its data folder that hold state or secrets. */
const ownFiles =
  /^(?:ecolink\.db(?:-\w+)?|server\.(?:lock|json|log|sock)\S*|local-token\S*|audit-heads\.jsonl|errors\.log)$/;
const ownFolders = new Set(['regions', 'quickstart', 'gateway']);
const configFile = 'ecolink.yaml';

const others = { read: 0o077, write: 0o022, everybodyWrites: 0o002 };
const sticky = 0o1000;

export function ownAccount(): Account | undefined {
  const uid = process.geteuid?.();
  return uid === undefined ? undefined : { uid, groups: process.getgroups?.() ?? [] };
}

/**
 * Makes the folder, and closes it and the files in it to other accounts. Returns the paths whose modes it repaired.
 * Throws `folder_not_private` or `folder_not_owned` if this account cannot repair something.
 */
export function ensurePrivateFolder(folder: string, options: PrivacyOptions = {}): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return repairAll(findFolderProblems(folder, options));
}

/** Closes a file, such as a key, to other accounts. A missing file is no problem. Throws like `ensurePrivateFolder`. */
export function ensurePrivateFile(file: string, options: PrivacyOptions = {}): string[] {
  return repairAll(findFileProblems(file, options));
}

/** Everything that is wrong with a data folder. It changes nothing. Empty if there is no folder. */
export function findFolderProblems(folder: string, options: PrivacyOptions = {}): PrivacyProblem[] {
  const account = options.account ?? ownAccount();
  if (!account || !statOf(folder)) return [];
  const whole = [...placeProblems(folder, account), ...modeProblems(folder, account)];
  const within = namesIn(folder).flatMap((name) => entryProblems(join(folder, name), name, account));
  return relevant([...whole, ...within], options);
}

/** Why other accounts could replace what is in the folder. Who may read it does not matter here. Empty if there is no folder. */
export function findWritersOf(folder: string, options: PrivacyOptions = {}): PrivacyProblem[] {
  const account = options.account ?? ownAccount();
  const stats = statOf(folder);
  if (!account || !stats) return [];
  // Root reads the folder of another account as that account does.
  const reader = account.uid === 0 ? { ...account, uid: stats.uid } : account;
  const problems = [...placeProblems(folder, reader), ...modeProblems(folder, reader)];
  return relevant(problems, options).filter(({ repair }) => repair === undefined || (stats.mode & others.write) !== 0);
}

/** Everything that is wrong with a file that must be private. */
export function findFileProblems(file: string, options: PrivacyOptions = {}): PrivacyProblem[] {
  const account = options.account ?? ownAccount();
  const stats = statOf(file);
  if (!account || !stats) return [];
  const problems = [...parentProblems(realpathSync(file)), ...ownedFileProblems(file, stats, account, true)];
  return relevant(problems, options);
}

export function privacyError({ code, said, mend }: PrivacyProblem): EcolinkError {
  return fail(code, said, { nextStep: `Run: ${mend}` });
}

function repairAll(problems: readonly PrivacyProblem[]): string[] {
  const hopeless = problems.find(({ repair }) => repair === undefined);
  if (hopeless) throw privacyError(hopeless);
  for (const { path, repair } of problems) if (repair !== undefined) chmodSync(path, repair);
  return problems.map(({ path }) => path);
}

/** On a machine with one account only what can be repaired is worth it: the volume of a container may belong to root. */
function relevant(problems: readonly PrivacyProblem[], { singleUser }: PrivacyOptions): PrivacyProblem[] {
  return problems.filter(({ repair }) => repair !== undefined || singleUser !== true);
}

/** A link that another account can turn elsewhere, and parents in which it can put another folder in place of this one. */
function placeProblems(folder: string, account: Account): PrivacyProblem[] {
  const link = lstatSync(folder);
  const real = realpathSync(folder);
  if (!link.isSymbolicLink()) return parentProblems(real);
  const linkProblems = isTrusted(link, account) ? [] : [notOwned(folder, link, account, 'link', '-h ')];
  return [...linkProblems, ...parentProblems(folder), ...parentProblems(real)];
}

function parentProblems(path: string): PrivacyProblem[] {
  const found: PrivacyProblem[] = [];
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const { mode } = statSync(parent);
    if ((mode & others.everybodyWrites) !== 0 && (mode & sticky) === 0)
      found.push({
        code: 'folder_not_private',
        path: parent,
        said: `Every account can replace ${path}, because the folder ${parent} may be written by all.`,
        mend: `chmod o-w ${quoted(parent)}`,
      });
    if (parent === dirname(parent)) return found;
  }
}

function modeProblems(folder: string, account: Account): PrivacyProblem[] {
  const stats = statSync(folder);
  if (stats.uid === account.uid) return openTo(others.read, folder, stats, 'folder', account);
  if (stats.uid !== 0) return [notOwned(folder, stats, account, 'folder', '-R ')];
  // A volume that a container gets belongs to root, and to a group of the container's account.
  const mine = account.groups.includes(stats.gid);
  return openTo(mine ? others.everybodyWrites : others.write, folder, stats, 'folder', account);
}

function entryProblems(path: string, name: string, account: Account): PrivacyProblem[] {
  const isConfig = name === configFile;
  if (!isConfig && !ownFiles.test(name) && !ownFolders.has(name)) return [];
  const stats = statOf(path, lstatSync);
  if (!stats) return [];
  if (stats.isFile()) return ownedFileProblems(path, stats, account, !isConfig, isConfig);
  return isTrusted(stats, account) ? [] : [notOwned(path, stats, account, 'file')];
}

/** `secret`: nobody else may read it. `rootOwned`: root may have made it. */
function ownedFileProblems(
  path: string,
  stats: Stats,
  account: Account,
  secret: boolean,
  rootOwned = !ownFiles.test(path.slice(path.lastIndexOf('/') + 1)),
): PrivacyProblem[] {
  if (stats.uid === account.uid) return openTo(secret ? others.read : others.write, path, stats, 'file', account);
  if (stats.uid === 0 && rootOwned) return openTo(others.write, path, stats, 'file', account);
  return [notOwned(path, stats, account, 'file')];
}

function openTo(bits: number, path: string, stats: Stats, what: string, account: Account): PrivacyProblem[] {
  const open = stats.mode & bits;
  if (open === 0) return [];
  const verb = (open & others.write) === 0 ? 'read' : 'change';
  const closed = stats.mode & 0o7777 & ~bits;
  return [
    {
      code: 'folder_not_private',
      path,
      said: `Other accounts can ${verb} the ${what} ${path} (mode ${octal(stats.mode & 0o777)}).`,
      mend: `chmod ${octal(closed)} ${quoted(path)}`,
      repair: stats.uid === account.uid ? closed : undefined,
    },
  ];
}

function notOwned(path: string, stats: Stats, account: Account, what: string, flags = ''): PrivacyProblem {
  return {
    code: 'folder_not_owned',
    path,
    said: `The ${what} ${path} belongs to another account (user id ${stats.uid}, not ${account.uid}).`,
    mend: `sudo chown ${flags}${account.uid} ${quoted(path)}`,
  };
}

function isTrusted({ uid }: Stats, account: Account): boolean {
  return uid === account.uid || uid === 0;
}

/** Undefined if nothing is there. */
function statOf(path: string, look: (path: string) => Stats = statSync): Stats | undefined {
  try {
    return look(path);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Nothing in a folder that this account may not list: the folder itself is the problem. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'EACCES') return [];
    throw thrown;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
