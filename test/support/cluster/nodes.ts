import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { kubectl } from './programs.ts';

const run = promisify(execFile);

/** Commands that stop a node dead and let it go on, to which its name is added: `docker pause` and `docker unpause` for kind. */
const commands = {
  pause: process.env['ECOLINK_TEST_PAUSE_NODE'],
  resume: process.env['ECOLINK_TEST_RESUME_NODE'],
};

export const canLoseNodes = commands.pause !== undefined && commands.resume !== undefined;

export async function nodeOf(region: string): Promise<string> {
  const name = await kubectl('get', 'nodes', '-l', `topology.kubernetes.io/region=${region}`, '-o', 'name');
  return name.trim().replace('node/', '');
}

/** The node says nothing more from here on, nor does anything on it, until it is disposed of. */
export async function loseNode(name: string): Promise<AsyncDisposable> {
  await call(commands.pause, name);
  return {
    async [Symbol.asyncDispose]() {
      await call(commands.resume, name);
      await kubectl('wait', `node/${name}`, '--for=condition=Ready', '--timeout=120s');
    },
  };
}

async function call(command = '', name: string): Promise<void> {
  const [program = '', ...words] = command.split(' ');
  await run(program, [...words, name]);
}
