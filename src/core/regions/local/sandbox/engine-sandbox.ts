import { lstatSync, realpathSync, existsSync } from 'node:fs';
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isThere } from '../../../base/absent.ts';
import { fail } from '../../../base/errors.ts';
import { bubblewrapCommand, sandboxHome } from './bubblewrap.ts';
import { acceleratorDevices, groupsOf } from './devices.ts';
import { isReachable, openToReaders, userOfInstance, userWhoReads } from './engine-user.ts';
import { isInside } from './inside.ts';
import { findMechanism } from './mechanism.ts';
import type { Mechanism } from './mechanism.ts';
import { modelPaths } from './model-paths.ts';
import { programPaths } from './program-paths.ts';
import type { EngineUser } from './view.ts';

/** One start of an engine. */
export interface EngineStart {
  instance: number;
  command: string;
  arguments: readonly string[];
  /** The words of its command, and other words with paths, as the runtime gives them. The arguments of a launch are none. */
  program: { command: readonly string[]; others: readonly string[] };
  /** What comes before and after its own HOME and TMPDIR. */
  environment: { listed: Record<string, string>; runtime: Record<string, string> };
  /** `own`: EcoLink made the folder, and may change its modes. */
  model: { root: string; folder: string; own: boolean };
  /** The folder of the replica. */
  folder: string;
}

/** How to start it. */
export interface PreparedEngine {
  command: string;
  arguments: readonly string[];
  environment: Record<string, string>;
  /** Its working folder. */
  folder: string;
  /** The user that the launcher becomes before it becomes the engine. */
  user: EngineUser | undefined;
}

export interface EngineSandboxDeps {
  setting: 'auto' | 'required' | 'off';
  /** The PATH on which to look for bubblewrap. */
  path: string | undefined;
  /** Instead of a user for each instance. */
  engineUser: number | undefined;
  scratchBytes: number;
  /** The server's own files, and the roots of models. */
  privatePaths: readonly string[];
}

const scratchFolder = 'scratch';

/** Keeps engines of this machine away from everything but their model and their scratch, as far as the machine can. */
export class EngineSandbox {
  readonly #deps: EngineSandboxDeps;
  #found: Promise<Mechanism> | undefined;

  constructor(deps: EngineSandboxDeps) {
    this.#deps = deps;
  }

  async prepare(start: EngineStart): Promise<PreparedEngine> {
    const mechanism = this.#deps.setting === 'off' ? undefined : await this.#mechanism();
    if (mechanism && !existsSync(start.model.folder)) throw modelMissing(start.model.folder);
    if (mechanism?.kind === 'bubblewrap') return this.#inBubblewrap(mechanism, start);
    const user = mechanism?.asRoot ? await this.#userOutside(start) : undefined;
    if (user === undefined && this.#deps.setting === 'required') throw sandboxMissing();
    return outside(start, user);
  }

  /** Looks again after a failure: bubblewrap may be installed while the server runs. */
  async #mechanism(): Promise<Mechanism> {
    this.#found ??= findMechanism(this.#deps.path);
    const found = await this.#found;
    if (found.kind === 'none') this.#found = undefined;
    return found;
  }

  async #inBubblewrap(
    { bwrap, setpriv }: Mechanism & { kind: 'bubblewrap' },
    start: EngineStart,
  ): Promise<PreparedEngine> {
    const { scratchBytes } = this.#deps;
    const programs = this.#programs(start);
    const devices = await acceleratorDevices();
    const model = await modelPaths(start.model.root, start.model.folder);
    const user = setpriv === undefined ? undefined : await this.#user(start, programs, model);
    const view = { programs, model, devices, scratchBytes, hidden: this.#hidden() };
    const inside = user && setpriv !== undefined ? { ...user, groups: await groupsOf(devices), setpriv } : undefined;
    const words = [start.command, ...start.arguments];
    return {
      ...bubblewrapCommand(bwrap, { ...view, user: inside }, words),
      environment: environmentOf(start, { HOME: sandboxHome, TMPDIR: '/tmp' }),
      folder: start.folder,
      user: undefined,
    };
  }

  /** Another user for an engine without a sandbox. Undefined if it could not get to its model, program or scratch. */
  async #userOutside(start: EngineStart): Promise<EngineUser | undefined> {
    const programs = this.#programs(start);
    const region = dirname(dirname(start.folder));
    const paths = [start.model.folder, region, ...programs];
    if (!(await Promise.all(paths.map(isReachable))).every(Boolean)) return undefined;
    const found = await this.#user(start, programs, [start.model.folder]);
    return found && { ...found, groups: await groupsOf(await acceleratorDevices()) };
  }

  async #user(start: EngineStart, programs: readonly string[], model: readonly string[]) {
    if (start.model.own) await openToReaders(start.model.folder);
    return userWhoReads(this.#deps.engineUser ?? userOfInstance(start.instance), programs, model);
  }

  #programs({ command, program }: EngineStart): string[] {
    const { privatePaths } = this.#deps;
    const isPrivate = (path: string): boolean => privatePaths.some((each) => isInside(path, each));
    return programPaths([command, ...program.command], program.others, isPrivate);
  }

  #hidden(): { path: string; folder: boolean }[] {
    const existing = this.#deps.privatePaths.filter((path) => isThere(path));
    const all = new Set(existing.flatMap((path) => [path, realpathSync(path)]));
    return [...all]
      .filter((path) => !lstatSync(path).isSymbolicLink())
      .map((path) => ({ path, folder: lstatSync(path).isDirectory() }));
  }
}

/** HOME and TMPDIR are folders of the replica. They are emptied at each start. */
async function outside(start: EngineStart, user: EngineUser | undefined): Promise<PreparedEngine> {
  const scratch = join(start.folder, scratchFolder);
  const [home, temporary] = [join(scratch, 'home'), join(scratch, 'tmp')];
  await rm(scratch, { recursive: true, force: true });
  for (const path of [scratch, home, temporary]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (user) await chown(path, user.uid, user.gid);
  }
  // The engine's user gets through to its scratch, and cannot list anything on the way.
  if (user)
    for (const path of [start.folder, dirname(start.folder), dirname(dirname(start.folder))]) await chmod(path, 0o711);
  return {
    command: start.command,
    arguments: start.arguments,
    environment: environmentOf(start, { HOME: home, TMPDIR: temporary }),
    folder: user ? home : start.folder,
    user,
  };
}

/** Deletes what an engine outside of a sandbox left. The scratch of a sandbox ends with it. */
export async function removeScratch(folder: string): Promise<void> {
  await rm(join(folder, scratchFolder), { recursive: true, force: true });
}

function environmentOf({ environment }: EngineStart, own: { HOME: string; TMPDIR: string }): Record<string, string> {
  return { ...environment.listed, ...own, ...environment.runtime };
}

function modelMissing(folder: string): Error {
  return fail('volume_incomplete', `The folder of the model does not exist: ${folder}`, {
    nextStep: 'Put it back, or launch another model.',
  });
}

function sandboxMissing(): Error {
  return fail('sandbox_missing', 'Nothing on this machine keeps an engine away from the files of the server.', {
    nextStep: 'Install bubblewrap, or take "sandbox: required" out of the region in ecolink.yaml.',
    retryable: false,
  });
}
