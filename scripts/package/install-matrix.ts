/**
 * Installs EcoLink with each npm on each Node, as a checkout and from its tarball, and starts it. The PATH holds nothing but
 * Node, npm and a shell: no Python, no make, no compiler. strace watches every connection: only the registry is contacted.
 * The Node and npm versions are npm packages. Needs Linux and strace.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectionsOutside } from './connections.ts';
import { startRegistryMirror } from './registry-mirror.ts';

const nodeVersions = ['20.20.2', '22.23.3', '24.21.0'];
const npmVersions = ['10.9.9', '11.19.1'];
/** The Node of the project itself: what has to run, whatever Node npm runs on. */
const ownMajor = 'v24.';

const openSqlite = `
  const Database = require('better-sqlite3');
  const { sqlite } = new Database(':memory:').prepare('select sqlite_version() as sqlite').get();
  console.log('ran on Node ' + process.version + ', SQLite ' + sqlite);`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'ecolink-install-'));
let faults = 0;

type Mirror = Awaited<ReturnType<typeof startRegistryMirror>>;

interface Machine {
  name: string;
  /** HOME, and what is installed. */
  place: string;
  /** Each npm has its own: the first Node fills it. */
  cache: string;
  /** A folder with node, npm and sh: the whole PATH. */
  path: string;
  takesTarball: boolean;
}

interface Ran {
  failed: boolean;
  output: string;
  seconds: number;
}

try {
  await using mirror = await startRegistryMirror(npmSync('config', 'get', 'registry').trim());
  const tools = installTools();
  const tarball = join(
    work,
    npmSync('pack', '--ignore-scripts=false', '--silent', `--pack-destination=${work}`).trim(),
  );
  // Each npm has its own folders, so they run side by side.
  for (const node of nodeVersions)
    await Promise.all(npmVersions.map((npm) => tryMachine(newMachine(tools, node, npm), tarball, mirror)));
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = faults === 0 ? 0 : 1;

async function tryMachine(machine: Machine, tarball: string, mirror: Mirror): Promise<void> {
  const run = (cwd: string, ...command: string[]) => runOn(machine, cwd, mirror, command);

  const checkout = copyCheckout(machine);
  const installed = await run(checkout, 'npm', 'ci');
  if (installed.output.includes('EBADENGINE')) fault(machine, `npm warns about the Node: ${installed.output}`);
  const started = await run(checkout, 'npm', 'run', '-s', 'ecolink', '--', '--version');
  expectOutput(machine, 'npm run ecolink', started.output, version);
  const opened = await run(checkout, 'sh', '-c', '. scripts/node-path && exec node -e "$0"', openSqlite);
  expectOutput(machine, 'SQLite', opened.output, ownMajor);
  const size = megabytes(join(checkout, 'node_modules'));
  console.log(`${machine.name}: npm ci ${installed.seconds} s (${size}), ${opened.output.trim()}`);
  rmSync(checkout, { recursive: true });

  if (machine.takesTarball) await tryTarball(machine, tarball, mirror);
  rmSync(machine.place, { recursive: true });
}

async function tryTarball(machine: Machine, tarball: string, mirror: Mirror): Promise<void> {
  const prefix = join(machine.place, 'global');
  const install = ['npm', 'install', '--global', '--ignore-scripts', '--prefix', prefix, tarball];
  const { seconds } = await runOn(machine, machine.place, mirror, install);
  const { output } = await runOn(machine, machine.place, mirror, [join(prefix, 'bin/ecolink'), '--version']);
  expectOutput(machine, 'ecolink', output, version);
  const packages = join(prefix, 'lib/node_modules/ecolink/node_modules/@node-llama-cpp');
  for (const name of existsSync(packages) ? readdirSync(packages) : [])
    if (/cuda|vulkan/.test(name)) fault(machine, `the GPU build ${name} was installed`);
  console.log(`${machine.name}: npm install --global ${seconds} s (${megabytes(prefix)})`);
}

function megabytes(folder: string): string {
  return `${execFileSync('du', ['-sm', folder], { encoding: 'utf8' }).split('\t')[0]} MB`;
}

/** Runs a command with this machine's PATH and HOME alone. Says what it contacted beside the registry, and whether it failed. */
async function runOn(machine: Machine, cwd: string, mirror: Mirror, command: string[]): Promise<Ran> {
  const trace = join(machine.place, 'trace');
  const environment = [
    `PATH=${machine.path}`,
    `HOME=${machine.place}`,
    `npm_config_cache=${machine.cache}`,
    `npm_config_registry=${mirror.url}`,
    'npm_config_audit=false',
    'npm_config_update_notifier=false',
  ];
  const watched = ['-f', '--seccomp-bpf', '-qq', '-e', 'trace=connect', '-o', trace];
  const start = performance.now();
  const ran = await new Promise<Omit<Ran, 'seconds'>>((resolve) => {
    execFile(
      'strace',
      [...watched, '/usr/bin/env', '-i', ...environment, ...command],
      { cwd, maxBuffer: 64 * 1024 ** 2 },
      (error, stdout, stderr) => resolve({ failed: error !== null, output: stdout + stderr }),
    );
  });
  const text = command.join(' ').replaceAll(work, '…');
  if (ran.failed) fault(machine, `"${text}" failed: ${ran.output}`);
  const outside = connectionsOutside(readFileSync(trace, 'utf8'), `127.0.0.1:${mirror.port}`);
  if (outside.length > 0) fault(machine, `"${text}" contacted ${outside.join(', ')}`);
  return { ...ran, seconds: Math.round((performance.now() - start) / 1000) };
}

function expectOutput(machine: Machine, what: string, output: string, expected: string): void {
  if (!output.includes(expected)) fault(machine, `${what} printed ${JSON.stringify(output)}, not ${expected}`);
}

function fault(machine: Machine, text: string): void {
  faults += 1;
  console.error(`FAULT: ${machine.name}: ${text}`);
}

/** Installs every Node and npm of the matrix in one folder, under names with their versions. */
function installTools(): string {
  const folder = join(work, 'tools');
  mkdirSync(folder);
  const nodes = nodeVersions.map((number) => `node-${number}@npm:node-linux-${process.arch}@${number}`);
  const npms = npmVersions.map((number) => `npm-${number}@npm:npm@${number}`);
  npmSync('install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, ...nodes, ...npms);
  return join(folder, 'node_modules');
}

function newMachine(tools: string, node: string, npm: string): Machine {
  const name = `Node ${node}, npm ${npm}`;
  const place = join(work, `${node}-${npm}`);
  const path = join(place, 'path');
  mkdirSync(path, { recursive: true });
  symlinkSync(join(tools, `node-${node}/bin/node`), join(path, 'node'));
  for (const program of ['npm', 'npx'])
    symlinkSync(join(tools, `npm-${npm}/bin/${program}-cli.js`), join(path, program));
  // npm starts scripts with sh. `#!/usr/bin/env node` needs nothing else.
  symlinkSync('/bin/sh', join(path, 'sh'));
  const takesTarball = node === nodeVersions[0];
  return { name, place, cache: join(work, `cache-${npm}`), path, takesTarball };
}

/** What a clone of the repository has. */
function copyCheckout(machine: Machine): string {
  const folder = join(machine.place, 'checkout');
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter((name) => existsSync(join(root, name)) && name !== ''))
    cpSync(join(root, file), join(folder, file), { recursive: true });
  return folder;
}

function npmSync(...argv: string[]): string {
  return execFileSync('npm', argv, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 });
}
