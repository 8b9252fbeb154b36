import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { absentIfMissing } from '../../base/absent.ts';
import { systemErrorCode } from '../../base/system-error.ts';
import { numbersIn } from './names-in.ts';

/** A process as the system lists it. `startTime` is opaque: it differs between two processes that had the same pid. */
export interface ProcessEntry {
  pid: number;
  group: number;
  startTime: string;
  /** Undefined if the system has no /proc. */
  parent?: number | undefined;
  /** Of its program, without a folder. Undefined if the system has no /proc. */
  name?: string | undefined;
}

const run = promisify(execFile);

/**
 * Living processes of a process group, without zombies. Own code: packages on npm need /proc or a shell, and none
 * reports start times on both Linux and macOS.
 */
export async function membersOfGroup(group: number): Promise<ProcessEntry[]> {
  if (!signalReaches(-group)) return [];
  return (await listProcesses()).filter((entry) => entry.group === group);
}

/** The living process behind a pid, or undefined. */
export async function findProcess(pid: number): Promise<ProcessEntry | undefined> {
  if (!signalReaches(pid)) return undefined;
  const fromProc = await readProc(pid);
  if (fromProc !== 'unknown') return fromProc;
  return (await listWithPs()).find((entry) => entry.pid === pid);
}

/** A cheap first check. Zombies accept signals too, so true does not yet mean a living process. */
function signalReaches(target: number): boolean {
  try {
    process.kill(target, 0);
    return true;
  } catch (thrown) {
    return systemErrorCode(thrown) === 'EPERM';
  }
}

async function listProcesses(): Promise<ProcessEntry[]> {
  const pids = await numbersIn('/proc');
  if (pids.length === 0) return listWithPs();
  const entries = await Promise.all(pids.map(readProc));
  return entries.filter((entry) => entry !== undefined && entry !== 'unknown');
}

let bootId: string | undefined;

/** Reads /proc, if the system has it. The start time is exact to a clock tick; the boot id makes it unique across reboots. */
async function readProc(pid: number): Promise<ProcessEntry | undefined | 'unknown'> {
  bootId ??= await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(absentIfMissing);
  const boot = bootId?.trim();
  if (boot === undefined) return 'unknown';
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(goneIfEnded);
  if (stat === undefined) return undefined;
  // The command's name is in parentheses and may contain any character. proc(5) counts the fields after it from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  return { pid, group: Number(group), startTime: `${boot}/${fields[19] ?? ''}`, parent: Number(parent), name };
}

/** A process that ends while its file is read is gone too (ESRCH). */
function goneIfEnded(thrown: unknown): undefined {
  if (systemErrorCode(thrown) !== 'ESRCH') absentIfMissing(thrown);
}

async function listWithPs(): Promise<ProcessEntry[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,pgid=,stat=,lstart='], { env: { ...pathOnly(), LC_ALL: 'C' } });
  return stdout.split('\n').flatMap((line) => {
    const [pid, group, state, ...start] = line.trim().split(/\s+/);
    if (!pid || !state || state.startsWith('Z')) return [];
    return [{ pid: Number(pid), group: Number(group), startTime: start.join(' ') }];
  });
}

function pathOnly(): Record<string, string> {
  return { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' };
}
