import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const mainFile = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the real program as a child process, with `input` on its standard input. */
export function runProgram(argv: readonly string[], environment: Record<string, string>, input = ''): Promise<Ran> {
  return runNode([mainFile, ...argv], environment, undefined, input);
}

export function runNode(
  argv: readonly string[],
  environment: Record<string, string>,
  cwd?: string,
  input = '',
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...argv],
      { env: childEnvironment(environment), cwd },
      (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      },
    );
    child.stdin?.on('error', () => {}).end(input);
  });
}

/** Only the variables that a program needs to start. No Hub, unless a test names one. */
export function childEnvironment(environment: Record<string, string>): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    // Nobody is logged in to a server, unless a test says so.
    XDG_CONFIG_HOME: join(tmpdir(), 'ecolink-no-settings'),
    HF_ENDPOINT: 'http://127.0.0.1:1',
    ...environment,
  };
}

/** The present command line of a process. */
export async function commandLineOf(pid: number | undefined): Promise<string> {
  return (await promisify(execFile)('ps', ['-o', 'args=', '-p', String(pid)])).stdout;
}

/** An empty folder that is removed with the scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'ecolink-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
