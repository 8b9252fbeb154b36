import { readFile, readlink } from 'node:fs/promises';
import { z } from 'zod';
import { absentIfMissing } from '../../base/absent.ts';
import { parseJson } from '../../base/parse-json.ts';

/** A run that holds a target: the attempt number, and how often that attempt was started. */
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

/** The process of a holder, so that a later run on the same machine can see whether it has ended. */
const holderProcess = z.object({
  /** The boot and the process namespace in which the pid is valid. */
  place: z.string(),
  pid: z.int().positive(),
  /** Start time in the kernel's ticks, because pids are reused. */
  started: z.string(),
});
type HolderProcess = z.infer<typeof holderProcess>;

/** The first content of a holder's file. Empty if the kernel does not give these facts. */
export async function describeThisProcess(): Promise<string> {
  const place = await pidNamespace();
  const started = await startOf(process.pid);
  if (place === undefined || started === undefined) return '';
  return JSON.stringify({ place, pid: process.pid, started } satisfies HolderProcess);
}

/**
 * Overwrites the beginning of the file when the holder has ended. The rest stays, because a full volume may take no
 * byte more.
 */
export const released = 'released';

/**
 * True if this holder certainly writes nothing more. False if that is unknown: its process may be on another machine.
 */
export async function isGone(holderFile: string): Promise<boolean> {
  const text = (await readFile(holderFile, 'utf8').catch(absentIfMissing)) ?? '';
  if (text.startsWith(released)) return true;
  const { success, data: holder } = holderProcess.safeParse(parseJson(text));
  return success && holder.place === (await pidNamespace()) && holder.started !== (await startOf(holder.pid));
}

/** The boot and the process namespace of this process. Undefined if the kernel does not give them. */
async function pidNamespace(): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(absentIfMissing);
  // The program's name is in parentheses and may contain any character. The start time is the 20th field after it.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === 'Z' ? undefined : fields[18];
}
