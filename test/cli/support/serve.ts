import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeTinyGguf } from '../../../src/quickstart/tiny-gguf.ts';
import { childEnvironment, mainFile, runProgram, temporaryFolder } from './run-program.ts';
import type { Ran } from './run-program.ts';

export interface ServeChild extends AsyncDisposable {
  child: ChildProcess;
  dataDir: string;
  /** The first line that it printed when it was ready. */
  firstLine: string;
  /** Everything that it has printed so far. */
  printed: () => string;
  environment: Record<string, string>;
  /** Runs a command line as a client of this server. */
  run(...argv: string[]): Promise<Ran>;
}

/** Starts `ecolink serve` as a child process, with a filesystem `shared` that has the model folder `tiny`. Returns when it is ready. */
export async function startServe(more: Record<string, string> = {}, program = [mainFile]): Promise<ServeChild> {
  const folder = await temporaryFolder();
  const dataDir = folder.path;
  await mkdir(join(dataDir, 'shared/tiny'), { recursive: true });
  await writeFile(join(dataDir, 'shared/tiny/tiny.gguf'), makeTinyGguf());
  const shared = { name: 'shared', region: 'local', path: join(dataDir, 'shared') };
  await writeFile(join(dataDir, 'ecolink.yaml'), JSON.stringify({ filesystems: [shared] }));
  const environment = {
    ECOLINK_DATA_DIR: dataDir,
    ECOLINK_CONFIG: join(dataDir, 'ecolink.yaml'),
    ECOLINK_PORT: '0',
    ECOLINK_LOG_LEVEL: 'error',
    ...more,
  };
  const child = spawn(process.execPath, [...program, 'serve'], {
    env: childEnvironment(environment),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  const firstLine = await Promise.race([lineOf(child), once(child, 'exit').then(() => 'it ended')]);
  return {
    child,
    dataDir,
    firstLine,
    printed: () => printed,
    environment,
    run: (...argv) => runProgram(argv, environment),
    async [Symbol.asyncDispose]() {
      await endOf(child);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function lineOf(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('serve has no standard output');
  for await (const line of createInterface(child.stdout)) return line;
  return 'it printed nothing';
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
