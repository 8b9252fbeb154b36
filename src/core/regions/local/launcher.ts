import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { systemErrorCode } from '../../base/system-error.ts';
import { findProcess } from './process-table.ts';

const usage = 'Usage: launcher <record> <note> <user> <command> [argument …]\n';
const exit = { wrongArguments: 2, recordExists: 17 };

/**
 * Runs in a session of its own. It writes its pid and start time to the record, then becomes the command. The record
 * exists before the command runs: if the server dies in between, its successor still finds the process. The record is
 * created exclusively: two servers cannot start the same process twice. `user` is `-`, or a user, a group and further groups,
 * separated by commas, which it becomes first.
 */
async function main(): Promise<void> {
  const [record, note, user, command, ...args] = process.argv.slice(2);
  if (record === undefined || note === undefined || user === undefined || command === undefined)
    return giveUp(usage, exit.wrongArguments);
  const self = await findProcess(process.pid);
  const noted: unknown = JSON.parse(note);
  const text = JSON.stringify({ pid: process.pid, start_time: self?.startTime ?? '', note: noted });
  if (!createRecord(record, text)) return giveUp('The record exists already: not started twice.\n', exit.recordExists);
  // Only the program's own user reads what it writes.
  process.umask(0o077);
  if (user !== '-') becomeUser(user);
  process.execve?.(command, [command, ...args]);
}

/** The groups first: after the user has changed, the groups cannot. */
function becomeUser(user: string): void {
  const [uid = NaN, gid = NaN, ...groups] = user.split(',').map(Number);
  process.setgroups?.([gid, ...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

function giveUp(sentence: string, status: number): never {
  process.stderr.write(sentence);
  process.exit(status);
}

/** Writes the record in one step. A link appears at once and fails if the name exists: the answer is false then. */
function createRecord(record: string, text: string): boolean {
  const draft = `${record}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  try {
    linkSync(draft, record);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'EEXIST') return false;
    // A filesystem without hard links.
    renameSync(draft, record);
    return true;
  } finally {
    rmSync(draft, { force: true });
  }
}

await main();
