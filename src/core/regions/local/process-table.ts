import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process as the system lists it. `startTime` is opaque: equal for one process, another for a pid used again. */
export interface ProcessEntry {
  pid: number;
  group: number;
  startTime: string;
}

const run = promisify(execFile);

/**
 * Living processes of a process group, zombies left out. Own code: what npm has either needs /proc or a shell, and
 * none tells start times on Linux and macOS alike.
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

/** Cheap first look: zombies answer too, so a yes is not yet a living process. */
function signalReaches(target: number): boolean {
  try {
    process.kill(target, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function listProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return listWithPs();
  const entries = await Promise.all(pids.map((pid) => readProc(Number(pid))));
  return entries.filter((entry) => entry !== undefined && entry !== 'unknown');
}

let bootId: Promise<string> | undefined;

/** From /proc where there is one: exact to a clock tick, and told apart across reboots by the boot id. */
async function readProc(pid: number): Promise<ProcessEntry | undefined | 'unknown'> {
  bootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const boot = (await bootId).trim();
  if (boot === '') return 'unknown';
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The command's name is in parentheses and may hold anything; proc(5) numbers the fields after it from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return { pid, group: Number(group), startTime: `${boot}/${fields[19] ?? ''}` };
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
