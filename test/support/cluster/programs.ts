import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Found where setup-envtest puts them (`KUBEBUILDER_ASSETS`), else on the PATH. */
function program(name: string): string {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const there = assets === undefined ? undefined : join(assets, name);
  return there !== undefined && existsSync(there) ? there : name;
}

/** What it wrote to standard output. Throws with what it wrote to standard error. */
export async function kubectl(...args: string[]): Promise<string> {
  return (await run(program('kubectl'), args, { maxBuffer: 64 * 1024 ** 2 })).stdout;
}

export async function helm(...args: string[]): Promise<string> {
  return (await run(program('helm'), args, { maxBuffer: 64 * 1024 ** 2 })).stdout;
}

/** Hands a manifest to kubectl on its standard input. */
export function kubectlWith(manifest: string | object, ...args: string[]): Promise<string> {
  return kubectlFed(typeof manifest === 'string' ? manifest : JSON.stringify(manifest), ...args, '-f', '-');
}

export async function kubectlFed(input: string, ...args: string[]): Promise<string> {
  const running = run(program('kubectl'), args);
  running.child.stdin?.end(input);
  return (await running).stdout;
}

export interface Forward extends AsyncDisposable {
  url: string;
}

/** A port of this machine that leads to `port` of the target (`deploy/ecolink`). It ends with the pod that it leads to. */
export async function forward(namespace: string, target: string, port: number): Promise<Forward> {
  const child = spawn(program('kubectl'), ['-n', namespace, 'port-forward', target, `:${port}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exited.then(() => Promise.reject(new Error(`port-forward to ${target} ended`))),
  ])) as [string];
  const local = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
  return {
    url: `http://127.0.0.1:${local}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}
