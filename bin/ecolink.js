#!/usr/bin/env node
// Plain JavaScript for Node 16 and newer. EcoLink itself needs Node 24. An older Node runs the program with the binary
// of the npm package `node`, if that is installed. If it is not, the message says what to install.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const needed = 24;
const self = fileURLToPath(import.meta.url);

function major(version) {
  return Number(version.split('.')[0]);
}

function nodePackage() {
  // First beside this package, then in the current project.
  for (const from of [self, join(process.cwd(), 'package.json')]) {
    try {
      const find = createRequire(from);
      // An older one would start this program again, without end.
      if (major(find('node/package.json').version) >= needed) return find.resolve('node/bin/node');
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
  console.error(`error[node_too_old]: EcoLink needs Node ${needed}, but this is ${process.versions.node}. ${reason}`);
  console.error(
    `next: install Node ${needed} from https://nodejs.org, or beside EcoLink with: npm install node@${needed}`,
  );
  process.exit(1);
}

if (major(process.versions.node) < needed) {
  const node = nodePackage();
  if (node === undefined) refuse('The npm package "node" is not installed either, or is too old.');
  else runWith(node);
} else {
  const built = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  await import(pathToFileURL(existsSync(built) ? built : source).href);
}
