import { systemErrorCode } from '../../../../src/core/base/system-error.ts';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Running {
  pid: number;
  line: string;
}

/** Living processes whose command line holds this text: the name of a test's own folder, which nobody else has. */
export async function processesWith(text: string): Promise<Running[]> {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,stat=,args='], { maxBuffer: 16 * 1024 ** 2 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, state = '', words = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid !== undefined && !state.startsWith('Z') && words.includes(text)
      ? [{ pid: Number(pid), line: words }]
      : [];
  });
}

/** Pids of the engines that are past their launcher, in order. */
export async function enginesWith(text: string): Promise<number[]> {
  const found = await processesWith(text);
  return found
    .filter(({ line }) => line.includes('support/engine.ts') && !line.includes('launcher.ts'))
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b);
}

/** Whether a process lives; one that ended and that nobody has asked about does not. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await processesWith('')).some((process) => process.pid === pid);
}

/** Kills every process of a data folder, at the end of a test. Some may end by themselves meanwhile. */
export async function killAllOf(dataDir: string): Promise<void> {
  for (const { pid } of await processesWith(dataDir)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'ESRCH') throw thrown;
    }
  }
}
