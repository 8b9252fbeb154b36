import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { calls } from './machine.ts';
import type { Outcome } from './machine.ts';
import type { Answer, Request } from './server-process.ts';
import { defined } from '../../../support/defined.ts';

const script = fileURLToPath(new URL('./server-process.ts', import.meta.url));

/** Starts the server on a data folder that holds an `ecolink.yaml`. Resolves at once: `ready` says when it works. */
export function startServer(dataDir: string, hub: string, environment: Record<string, string> = {}) {
  const child = fork(script, {
    execPath: process.execPath,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ECOLINK_DATA_DIR: dataDir,
      ECOLINK_CONFIG: join(dataDir, 'ecolink.yaml'),
      ECOLINK_LOG_LEVEL: 'silent',
      HF_ENDPOINT: hub,
      ...environment,
    },
  });
  const ended = once(child, 'exit');
  const first = Promise.withResolvers<Answer>();
  const waiting = new Map<number, PromiseWithResolvers<Outcome>>();
  let asked = 0;
  child.on('message', (answer: Answer) => {
    if (answer.type !== 'answer') return first.resolve(answer);
    if (answer.output) waiting.get(answer.id)?.resolve(answer.output);
    else waiting.get(answer.id)?.reject(new Error(answer.code));
  });
  void ended.then(() => {
    first.reject(new Error('the server ended'));
    for (const { reject } of waiting.values()) reject(new Error('the server ended'));
  });
  first.promise.catch(() => {});
  const run = (operation: string, input: object): Promise<Outcome> => {
    const id = ++asked;
    const answer = Promise.withResolvers<Outcome>();
    waiting.set(id, answer);
    child.send({ id, operation, input } satisfies Request, (error) => {
      if (error) answer.reject(error);
    });
    return answer.promise;
  };
  return {
    pid: defined(child.pid),
    /** The first thing that it says: ready, or why not. */
    first: first.promise,
    ...calls(run),
    /** Ends it and answers when it is gone. */
    async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
      child.kill(signal);
      await ended;
    },
  };
}

export type ServerProcess = ReturnType<typeof startServer>;
