import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { absentIfMissing } from '../../base/absent.ts';
import { systemErrorCode } from '../../base/system-error.ts';
import { findProcess, membersOfGroup } from './process-table.ts';
import type { ProcessEntry } from './process-table.ts';
import type { EngineUser } from './sandbox/view.ts';

/** Data that the starter of a process finds again beside the pid, such as its port. */
const noteSchema = z.record(z.string(), z.union([z.string(), z.number()]));
export type Note = z.output<typeof noteSchema>;

/** Enough to recognise the process and its group after any crash. `launcher.ts` writes it. */
const recordSchema = z.object({ pid: z.int().positive(), start_time: z.string(), note: noteSchema });
type ProcessRecord = z.output<typeof recordSchema>;

export interface StartOptions {
  /** Path of the record. A record belongs to one running process. */
  record: string;
  note: Note;
  command: string;
  arguments: readonly string[];
  /** The whole environment of the process: it inherits nothing from the server. */
  environment: Record<string, string>;
  folder: string;
  /** The user that it runs as. Default: the server's own. */
  user?: EngineUser | undefined;
  outputFile: string;
  errorFile: string;
  onExit: (exit: { status: number | null; signal: string | null }) => void;
}

export type Presence = 'none' | 'running' | 'leaderless';

const launcher = fileURLToPath(new URL(`./launcher${extname(import.meta.url)}`, import.meta.url));
const recordPollMs = 10;
const endPollMs = 50;

/**
 * Starts the command in a session and process group of its own, with its output in files. Resolves when its record
 * exists, or when it has ended.
 */
export async function startRecorded(clock: Clock, options: StartOptions): Promise<void> {
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
        userWord(options.user),
        options.command,
        ...options.arguments,
      ],
      { detached: true, stdio: ['ignore', output, error], env: options.environment, cwd: options.folder },
    );
    child.on('exit', (status, signal) => options.onExit({ status, signal }));
    const failed = new Promise<never>((_, reject) => child.on('error', reject));
    const ended = once(child, 'exit');
    child.unref();
    const recorded = (async () => {
      while (child.exitCode === null && child.signalCode === null) {
        // The launcher writes the record, whether or not this process can open it now.
        const found = await readRecord(options.record).catch(() => undefined);
        if (found?.pid === child.pid) return;
        await clock.sleep(recordPollMs);
      }
    })();
    await Promise.race([recorded, ended, failed]);
  } finally {
    closeSync(output);
    if (error !== output) closeSync(error);
  }
}

/** As `launcher.ts` reads it. */
function userWord(user: EngineUser | undefined): string {
  return user === undefined ? '-' : [user.uid, user.gid, ...user.groups].join(',');
}

/** The note of a record, whether or not its process still runs. */
export async function noteOf(record: string): Promise<Note | undefined> {
  return (await readRecord(record))?.note;
}

async function readRecord(record: string): Promise<ProcessRecord | undefined> {
  const text = await readFile(record, 'utf8').catch(absentIfMissing);
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
}

/**
 * Whether the process of a record still runs. `leaderless`: the process is gone but its group is not, as when an engine
 * dies and its workers keep the GPU. A pid with another start time belongs to a stranger. The system does not reuse
 * the number of a living group, so the whole group is gone then.
 */
export async function presenceOf(record: string): Promise<Presence> {
  const known = await readRecord(record);
  if (!known) return 'none';
  const leader = await findProcess(known.pid);
  if (leader) return leader.startTime === known.start_time ? 'running' : 'none';
  return (await membersOfGroup(known.pid)).length > 0 ? 'leaderless' : 'none';
}

/** Sends a signal to the whole group, if it is still the recorded one. */
async function signalGroup(record: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if ((await presenceOf(record)) === 'none') return;
  const known = await readRecord(record);
  if (known) signalTo(-known.pid, signal);
}

/**
 * Asks the engine to end. Its workers get no signal: an engine whose workers end breaks off the calls that it would finish
 * (vLLM and SGLang).
 */
async function signalLeader(record: string): Promise<void> {
  if ((await presenceOf(record)) !== 'running') return;
  const known = await readRecord(record);
  if (known) signalTo(programOf(await membersOfGroup(known.pid), known.pid), 'SIGTERM');
}

/** Bubblewrap passes no signal on and takes its program down with it. So the program in it is what gets the signal. */
export function programOf(members: readonly ProcessEntry[], leader: number): number {
  const isWrapper = members.some(({ pid, name }) => pid === leader && name === 'bwrap');
  const inner = isWrapper ? members.find(({ parent }) => parent === leader) : undefined;
  return inner ? programOf(members, inner.pid) : leader;
}

function signalTo(target: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(target, signal);
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ESRCH') throw thrown;
  }
}

/**
 * Sends TERM to the leader alone, TERM to what outlives it, and KILL to the whole group after `graceMs`. Resolves when the
 * whole group and the record are gone.
 */
export async function endRecorded(clock: Clock, record: string, graceMs: number): Promise<void> {
  await signalLeader(record);
  const deadline = clock.elapsedMs() + graceMs;
  let orphansTold = false;
  for (let presence = await presenceOf(record); presence !== 'none'; presence = await presenceOf(record)) {
    if (clock.elapsedMs() >= deadline) await signalGroup(record, 'SIGKILL');
    else if (presence === 'leaderless' && !orphansTold) {
      orphansTold = true;
      await signalGroup(record, 'SIGTERM');
    }
    await clock.sleep(endPollMs);
  }
  await rm(record, { force: true });
}
