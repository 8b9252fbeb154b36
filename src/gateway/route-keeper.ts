import type { KeyObject } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../core/base/log.ts';
import { systemErrorCode } from '../core/base/system-error.ts';
import { readMessage } from '../core/core.ts';
import type { FeedMessage, RoutingTable } from '../core/core.ts';

/** Takes what the server says into the routing table, and keeps it on disk. */
export interface RouteKeeper {
  /** The number of the state that it has. Undefined if it has none. */
  number(): number | undefined;
  /**
   * `refused`: the server did not sign the line, or the state is older than the one at hand, or of another store.
   * `gap`: something is missing before it. `full`: it was taken, and the file should be written anew from a whole state.
   */
  take(line: string): 'taken' | 'refused' | 'gap' | 'full';
}

export interface RouteKeeperDeps {
  /** Only the gateway's account may read it: it has the keys of engines. */
  folder: string;
  publicKey: KeyObject;
  table: RoutingTable;
  log: Log;
  now: () => number;
}

/** A confirmation is written this often. A restart while the server is away then knows how old the state is. */
const confirmEveryMs = 10_000;
const mostAppendedBytes = 8 * 1024 ** 2;

/** Reads the state of an earlier run. Lines that the server did not sign, and what follows them, count as absent. */
export function openRouteKeeper({ folder, publicKey, table, log, now }: RouteKeeperDeps): RouteKeeper {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [routes, confirmed] = [join(folder, 'routes'), join(folder, 'confirmed')];
  let state: { store: string; number: number } | undefined;
  let appended = 0;
  let confirmedAt = -Infinity;

  const write = (path: string, line: string): void => {
    const draft = `${path}.draft`;
    writeFileSync(draft, `${line}\n`, { mode: 0o600 });
    renameSync(draft, path);
  };
  const save = (line: string, { number, after }: FeedMessage): void => {
    if (after === null) {
      write(routes, line);
      appended = 0;
    } else if (after !== number) {
      appendFileSync(routes, `${line}\n`, { mode: 0o600 });
      appended += line.length;
    } else if (now() - confirmedAt >= confirmEveryMs) {
      confirmedAt = now();
      write(confirmed, line);
    }
  };
  const take = (line: string, store: typeof save | undefined): ReturnType<RouteKeeper['take']> => {
    const message = readMessage(line, publicKey);
    if (!message) return 'refused';
    if (state && (message.store !== state.store || message.number < state.number)) return 'refused';
    if (message.after !== null && message.after !== state?.number) return 'gap';
    try {
      // First the disk: after a crash, a state that calls have seen is not forgotten.
      store?.(line, message);
    } catch (thrown) {
      log.error({ err: thrown }, 'the routes could not be written to the disk');
    }
    apply(table, message);
    state = { store: message.store, number: message.number };
    return appended > mostAppendedBytes ? 'full' : 'taken';
  };

  for (const path of [routes, confirmed]) {
    for (const line of linesOf(path)) if (take(line, undefined) !== 'taken') break;
  }
  return { number: () => state?.number, take: (line) => take(line, save) };
}

function apply(table: RoutingTable, { after, set, delete: gone, at }: FeedMessage): void {
  if (after === null) table.clear();
  for (const key of gone) table.delete(key);
  for (const [key, json] of Object.entries(set)) table.set(key, json);
  table.confirm(Date.parse(at));
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
