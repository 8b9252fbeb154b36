import { execFile } from 'node:child_process';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import { findCommand } from '../../../runtimes/built-in.ts';
import { bubblewrapCommand } from './bubblewrap.ts';
import { programPaths } from './program-paths.ts';
import { userOfInstance } from './engine-user.ts';
import type { SandboxView } from './view.ts';

/** How this machine can keep an engine away from the server's files. */
export type Mechanism =
  | { kind: 'bubblewrap'; bwrap: string; /** Set if engines can run as another user. */ setpriv: string | undefined }
  | { kind: 'none'; asRoot: boolean; why: 'not_linux' | 'not_installed' | 'not_working'; detail?: string };

const run = promisify(execFile);
const probeTimeoutMs = 10_000;

/**
 * Tries what this machine has: where user namespaces are switched off, bubblewrap is installed and does not work. `path`: the
 * PATH on which to look.
 */
export async function findMechanism(path: string | undefined): Promise<Mechanism> {
  const asRoot = process.getuid?.() === 0;
  if (platform() !== 'linux') return { kind: 'none', asRoot, why: 'not_linux' };
  const bwrap = findCommand('bwrap', path);
  if (bwrap === undefined) return { kind: 'none', asRoot, why: 'not_installed' };
  const failure = await probe(bwrap, {});
  if (failure !== undefined) return { kind: 'none', asRoot, why: 'not_working', detail: failure };
  const setpriv = asRoot ? findCommand('setpriv', path) : undefined;
  const user =
    setpriv === undefined ? undefined : { uid: userOfInstance(0), gid: userOfInstance(0), groups: [], setpriv };
  const canSwitch = user !== undefined && (await probe(bwrap, { user })) === undefined;
  return { kind: 'bubblewrap', bwrap, setpriv: canSwitch ? setpriv : undefined };
}

/** Runs a small program of the system in a sandbox. Returns why it failed. */
async function probe(bwrap: string, { user }: Pick<SandboxView, 'user'>): Promise<string | undefined> {
  const program = ['/usr/bin/env'];
  const programs = programPaths(program, [], () => false);
  const view = { programs, model: [], hidden: [], devices: [], scratchBytes: 1024 ** 2, user };
  const { command, arguments: words } = bubblewrapCommand(bwrap, view, program);
  try {
    await run(command, words, { env: {}, timeout: probeTimeoutMs });
    return undefined;
  } catch (thrown) {
    const said = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr).trim() : '';
    return (said || String(thrown)).split('\n')[0]?.slice(0, 200);
  }
}
