import { dirname } from 'node:path';
import { isInside } from './inside.ts';
import type { EngineUser, SandboxedCommand, SandboxView } from './view.ts';

/** Programs and libraries of the system. The usual folders of all distributions; a missing one is left out. */
export const systemFolders = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/opt',
  // NixOS and Guix keep programs and drivers here.
  '/nix/store',
  '/gnu/store',
  '/run/current-system/sw',
  '/run/opengl-driver',
  // Engines count CPUs and find accelerators there.
  '/sys',
];

/** Of /etc, what programs need to start. The rest may hold keys and passwords. */
const systemFiles = [
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'alternatives',
  'passwd',
  'group',
  'nsswitch.conf',
  'hosts',
  'resolv.conf',
  'localtime',
  'timezone',
  'mime.types',
  'ssl/certs',
  'ssl/openssl.cnf',
  'pki/tls/certs',
  'pki/ca-trust/extracted',
  'ca-certificates',
  'OpenCL',
  'vulkan',
  'nvidia',
].map((name) => `/etc/${name}`);

/** In the sandbox. It is in memory and ends with the engine. */
export const sandboxHome = '/home/engine';
const temporaryFolders = ['/tmp', '/var/tmp', sandboxHome];

/**
 * The command line that runs a program in bubblewrap (github.com/containers/bubblewrap, bwrap(1)). Nothing of the machine is
 * visible but what is named here. Later mounts cover earlier ones, so the order matters. The network is the machine's: the
 * engine listens on loopback.
 */
export function bubblewrapCommand(bwrap: string, view: SandboxView, command: readonly string[]): SandboxedCommand {
  const { user } = view;
  const shown = [...systemFolders, ...systemFiles];
  const words = [
    ['--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try', '--cap-drop', 'ALL'],
    user ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'] : [],
    shown.flatMap((path) => [...parents(path), '--ro-bind-try', path, path]),
    ['--proc', '/proc', '--dev', '/dev'],
    view.devices.flatMap((path) => ['--dev-bind-try', path, path]),
    // Workers of one engine share memory there. Half of the memory is the kernel's own limit.
    ['--perms', '1777', '--tmpfs', '/dev/shm'],
    temporaryFolders.flatMap((path) => temporary(path, view.scratchBytes)),
    view.hidden.filter(isVisible).flatMap(hide),
    view.programs.flatMap(show),
    view.model.flatMap(show),
    // What was made for mount points must not become a place to write to.
    ['--remount-ro', '/', '--remount-ro', '/dev'],
    // Settings of the kernel belong to root by its id alone: root without rights could still write them.
    user ? [] : ['--remount-ro', '/proc'],
    ['--chdir', sandboxHome, '--'],
    user ? becomeUser(user) : [],
    command,
  ].flat();
  return { command: bwrap, arguments: words };
}

function becomeUser({ setpriv, uid, gid, groups }: EngineUser & { setpriv: string }): string[] {
  const more = groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')];
  return [setpriv, '--reuid', String(uid), '--regid', String(gid), ...more, '--'];
}

function isVisible({ path }: SandboxView['hidden'][number]): boolean {
  return [...systemFolders, ...systemFiles].some((folder) => isInside(folder, path));
}

function temporary(path: string, bytes: number): string[] {
  return [...parents(path), '--perms', '1777', '--size', String(bytes), '--tmpfs', path];
}

function hide({ path, folder }: SandboxView['hidden'][number]): string[] {
  return folder ? ['--perms', '0755', '--size', '65536', '--tmpfs', path] : ['--ro-bind', '/dev/null', path];
}

function show(path: string): string[] {
  return [...parents(path), '--ro-bind', path, path];
}

/** Makes the parents. bubblewrap would close them to other users where the source is closed to them. */
function parents(path: string): string[] {
  const all: string[] = [];
  for (let each = dirname(path); each !== '/'; each = dirname(each)) all.unshift(each);
  return all.flatMap((each) => ['--perms', '0755', '--dir', each]);
}
