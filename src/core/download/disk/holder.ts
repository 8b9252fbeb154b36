import { readFile, readlink } from 'node:fs/promises';

/** Who holds a target: the attempt number, and how often that attempt was started. */
export interface Holder {
  attempt: number;
  start: number;
}

export function holderName(holder: Holder): string {
  return `${holder.attempt}.${holder.start}`;
}

export function parseHolder(name: string): Holder | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(name);
  return match ? { attempt: Number(match[1]), start: Number(match[2]) } : undefined;
}

export function compareHolders(a: Holder, b: Holder): number {
  return a.attempt - b.attempt || a.start - b.start;
}

/** The process behind a holder, so that a later one on the same machine can see whether it is gone. */
interface HolderProcess {
  /** Of this boot, in this process namespace: a number means nothing elsewhere. */
  place: string;
  pid: number;
  /** When it started, in the kernel's ticks: a number comes again. */
  started: string;
}

/** What a holder writes into its file at first; empty where the kernel does not tell. */
export async function describeThisProcess(): Promise<string> {
  const place = await thisPlace();
  const started = await startOf(process.pid);
  if (place === undefined || started === undefined) return '';
  return JSON.stringify({ place, pid: process.pid, started } satisfies HolderProcess);
}

/** What it writes over that when it has ended in good order; what follows is left, since a full volume may not take a byte more. */
export const released = 'released';

/**
 * Whether nobody writes in this holder's name any more. False where that cannot be known: its process may be slow, on another
 * machine.
 */
export async function isGone(holderFile: string): Promise<boolean> {
  const text = await readFile(holderFile, 'utf8').catch(() => '');
  if (text.startsWith(released)) return true;
  try {
    const holder = JSON.parse(text) as HolderProcess;
    return holder.place === (await thisPlace()) && holder.started !== (await startOf(holder.pid));
  } catch {
    return false;
  }
}

async function thisPlace(): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The program's name stands in parentheses and may hold anything; the start is the 20th field behind it.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === 'Z' ? undefined : fields[18];
}
