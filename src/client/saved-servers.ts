import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { fail } from '../core/base/errors.ts';
import { nearest } from '../core/base/nearest.ts';
import { ensurePrivateFile } from '../core/base/private-folder.ts';
import { systemErrorCode } from '../core/base/system-error.ts';
import { settingsFolder } from '../core/config/load.ts';
import { programName } from '../core/config/program-name.ts';

/** The name of the server that runs on this machine's data folder. */
export const localServer = 'local';

const savedServer = z.object({ url: z.url({ protocol: /^https?$/ }), token: z.string().min(1) });
const savedServers = z.object({ current: z.string().optional(), servers: z.record(z.string(), savedServer) });

export type SavedServer = z.output<typeof savedServer>;
type SavedServers = z.output<typeof savedServers>;

export function savedServersPath(): string {
  return join(settingsFolder(), 'servers.json');
}

/**
 * The servers that somebody logged in to. The file holds tokens: one that other accounts can read is closed first. Throws
 * `saved_servers_unreadable`, `folder_not_private`, `folder_not_owned`.
 */
export function readSavedServers(path = savedServersPath()): SavedServers {
  const text = readIfThere(path);
  if (text === undefined) return { servers: {} };
  ensurePrivateFile(path);
  try {
    return savedServers.parse(JSON.parse(text));
  } catch (cause) {
    throw fail('saved_servers_unreadable', `The list of servers in ${path} cannot be read.`, {
      nextStep: `Mend the file. Or delete it and log in again: ${programName()} login <url>`,
      cause,
    });
  }
}

/** Replaces the file in one step. Only this account can read it. */
export function writeSavedServers(saved: SavedServers, path = savedServersPath()): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(saved, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

/**
 * The server with this name, or the one that is in use if no name is given. Undefined: the server of this machine. Throws
 * `server_unknown`.
 */
export function savedServerOf(name: string | undefined): (SavedServer & { name: string }) | undefined {
  if (name === localServer) return undefined;
  const { current, servers } = readSavedServers();
  const wanted = name ?? current;
  if (wanted === undefined || wanted === localServer) return undefined;
  const found = Object.hasOwn(servers, wanted) ? servers[wanted] : undefined;
  if (found === undefined) throw serverUnknown(wanted, Object.keys(servers));
  return { ...found, name: wanted };
}

export function serverUnknown(name: string, names: readonly string[]): Error {
  const near = nearest(name, [...names, localServer]);
  return fail(
    'server_unknown',
    `There is no server "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`}`,
    {
      nextStep: `Use one of: ${[localServer, ...names].join(', ')}. Or log in to another one: ${programName()} login <url>`,
      validValues: [localServer, ...names],
    },
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') return undefined;
    throw fail('saved_servers_unreadable', `The list of servers in ${path} cannot be read.`, {
      nextStep: `Let this account read the file. Or delete it and log in again: ${programName()} login <url>`,
      cause: thrown,
    });
  }
}
