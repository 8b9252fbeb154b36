import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from '../client/client.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { plainText } from '../core/base/format.ts';
import { interruption } from './interruption.ts';
import type { Terminal } from './output/terminal.ts';

/** The time between two looks. */
const intervalMs = 1000;
/** The most lines that one look returns. An engine that writes more between two looks loses some here. */
const windowLines = 1000;

interface Window {
  region: string;
  lines: string[];
}

/**
 * Prints the last lines of an instance, then each new one, until Ctrl-C. `lines` counts those that are there already. A
 * server that is away for a moment only delays the next lines.
 */
export async function followLogs(
  input: { instance: string; region?: string | undefined; lines: number },
  call: Call,
  terminal: Terminal,
): Promise<void> {
  using interrupted = interruption();
  const { signal } = interrupted;
  let seen: Map<string, string[]> | undefined;
  while (!signal.aborted) {
    const windows = await read({ ...input, lines: windowLines }, call, signal, seen !== undefined);
    if (windows !== undefined) {
      const now = linesByReplica(windows);
      for (const [replica, lines] of now) {
        const fresh = seen === undefined ? lines.slice(-input.lines) : newLines(seen.get(replica) ?? [], lines);
        if (fresh.length > 0) terminal.out(fresh.map((line) => plainText(line)).join('\n'));
      }
      seen = now;
    }
    await pause(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Undefined after Ctrl-C, and while a server that answered before is away. */
async function read(
  input: { instance: string; region?: string | undefined; lines: number },
  call: Call,
  signal: AbortSignal,
  answeredBefore: boolean,
): Promise<Window[] | undefined> {
  try {
    return (await call('get_instance_logs', input, { signal })).logs;
  } catch (thrown) {
    if (signal.aborted) return undefined;
    if (answeredBefore && thrown instanceof EcolinkError && thrown.kind === 'unavailable') return undefined;
    throw thrown;
  }
}

/** `[0] ` or `[instance-3-eu-7c9f] `: what a region puts before the lines of one of several replicas. */
const replicaName = /^\[(?:\d+|instance-\d+-[a-z0-9.-]+)\] /;

/** Lines by the replica that wrote them. Engines begin lines in brackets too, such as with the time. */
export function linesByReplica(windows: readonly Window[]): Map<string, string[]> {
  const named = windows.flatMap(({ region, lines }) =>
    lines.map((line) => ({
      replica: `${region} ${replicaName.exec(line)?.[0] ?? ''}`,
      text: windows.length > 1 ? `${region}  ${line}` : line,
    })),
  );
  const groups = Map.groupBy(named, ({ replica }) => replica);
  return new Map([...groups].map(([replica, lines]) => [replica, lines.map(({ text }) => text)]));
}

/** What a window of the last lines has that the one before had not: all, if nothing of that one is left. */
export function newLines(before: readonly string[], now: readonly string[]): readonly string[] {
  for (let fresh = 0; fresh < now.length; fresh++) {
    const kept = now.length - fresh;
    if (kept > before.length) continue;
    const start = before.length - kept;
    if (now.every((line, index) => index >= kept || line === before[start + index])) return now.slice(kept);
  }
  return now;
}
