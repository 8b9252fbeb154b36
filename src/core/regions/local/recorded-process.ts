import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProcess, membersOfGroup } from './process-table.ts';

/** What lies in a record: enough to recognise the process, and its group, after any crash. */
interface ProcessRecord {
  pid: number;
  start_time: string;
  note: Note;
}

/** What whoever starts a process wants to find again beside its pid: its port, what it was started for. */
export type Note = Record<string, string | number>;

export interface StartOptions {
  /** Path of the record; one running process a record. */
  record: string;
  note: Note;
  command: string;
  arguments: readonly string[];
  /** The whole environment of the process: nothing of the server's own is added. */
  environment: Record<string, string>;
  folder: string;
  outputFile: string;
  errorFile: string;
  onExit: (exit: { status: number | null; signal: string | null }) => void;
}

export type Presence = 'none' | 'running' | 'leaderless';

const launcher = fileURLToPath(new URL(`./launcher${extname(import.meta.url)}`, import.meta.url));

/** Starts the command in its own session and process group, output to files. Resolves when its record is written, or it has ended. */
export async function startRecorded(options: StartOptions): Promise<void> {
  mkdirSync(dirname(options.record), { recursive: true });
  const output = openSync(options.outputFile, 'a', 0o600);
  const error = options.errorFile === options.outputFile ? output : openSync(options.errorFile, 'a', 0o600);
  try {
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        launcher,
        options.record,
        JSON.stringify(options.note),
        options.command,
        ...options.arguments,
      ],
      { detached: true, stdio: ['ignore', output, error], env: options.environment, cwd: options.folder },
    );
    child.on('exit', (status, signal) => options.onExit({ status, signal }));
    const failed = once(child, 'error').then(([thrown]) => Promise.reject(thrown as Error));
    const ended = once(child, 'exit');
    child.unref();
    const recorded = (async () => {
      while (child.exitCode === null && child.signalCode === null) {
        if ((await readRecord(options.record))?.pid === child.pid) return;
        await delay(10);
      }
    })();
    await Promise.race([recorded, ended, failed]);
  } finally {
    closeSync(output);
    if (error !== output) closeSync(error);
  }
}

/** The note of a record, whether its process still runs or not. */
export async function noteOf(record: string): Promise<Note | undefined> {
  return (await readRecord(record))?.note;
}

async function readRecord(record: string): Promise<ProcessRecord | undefined> {
  const text = await readFile(record, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ProcessRecord);
}

/**
 * Whether what the record names still runs. `leaderless`: the process is gone and its group is not, as when an engine
 * dies and its workers hold the GPU. A pid whose start time is another belongs to a stranger: while a group lives its
 * number is not given out again, so then the whole group is gone.
 */
export async function presenceOf(record: string): Promise<Presence> {
  const known = await readRecord(record);
  if (!known) return 'none';
  const leader = await findProcess(known.pid);
  if (leader) return leader.startTime === known.start_time ? 'running' : 'none';
  return (await membersOfGroup(known.pid)).length > 0 ? 'leaderless' : 'none';
}

/** Sends a signal to the whole group, if it is still the recorded one. */
export async function signalRecorded(record: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if ((await presenceOf(record)) === 'none') return;
  const known = await readRecord(record);
  if (!known) return;
  try {
    process.kill(-known.pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** TERM, then KILL after `graceMs`; resolves when nothing of the group is left and the record is gone. */
export async function endRecorded(record: string, graceMs: number): Promise<void> {
  await signalRecorded(record, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while ((await presenceOf(record)) !== 'none') {
    if (Date.now() >= deadline) await signalRecorded(record, 'SIGKILL');
    await delay(50);
  }
  await rm(record, { force: true });
}
