import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { findProcess } from './process-table.ts';

/**
 * Runs as `launcher <record> <note> <command> [argument …]`, in a session of its own: writes down its pid and start time, then
 * becomes the command. The record is there before the command runs, so a server that dies in between leaves nothing
 * that its successor cannot find; and the record is made exclusively, so that two servers never start the same twice.
 */
async function main(): Promise<void> {
  const [record, note, command, ...args] = process.argv.slice(2) as [string, string, string, ...string[]];
  const self = await findProcess(process.pid);
  if (
    !claim(
      record,
      JSON.stringify({ pid: process.pid, start_time: self?.startTime ?? '', note: JSON.parse(note) as unknown }),
    )
  ) {
    process.stderr.write('another process holds the record: not started twice\n');
    process.exit(17);
  }
  process.execve?.(command, [command, ...args]);
}

/** Whole or not at all: a link appears at once and fails where the name is taken. */
function claim(record: string, text: string): boolean {
  const draft = `${record}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  try {
    linkSync(draft, record);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    renameSync(draft, record);
    return true;
  } finally {
    rmSync(draft, { force: true });
  }
}

await main();
