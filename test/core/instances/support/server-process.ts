import { loadConfig } from '../../../../src/core/config/load.ts';
import { createCore } from '../../../../src/core/create-core.ts';
import { asEcolinkError } from '../../../../src/core/base/errors.ts';
import { createLog } from '../../../../src/core/base/log.ts';
import { atTerminal } from '../../../support/callers.ts';

/** What the test asks of the server, and what it answers. */
export interface Request {
  id: number;
  operation: string;
  input: object;
}
export type Answer =
  | { type: 'ready' }
  | { type: 'refused'; code: string; message: string }
  | { type: 'answer'; id: number; output?: Record<string, unknown>; code?: string };

/**
 * The core that owns a data folder, as a process of its own that a test can kill: operations come and go over Node's own
 * channel. It is a program of its own; nothing imports its code.
 */
function send(answer: Answer): void {
  process.send?.(answer);
}

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const core = await createCore(config, createLog({ level: config.logLevel, pretty: false }), { reconcile: true });
  const local = await atTerminal(core);
  process.on('message', ({ id, operation, input }: Request) => {
    core.execute(operation, input, local).then(
      (output) => send({ type: 'answer', id, output }),
      (thrown: unknown) => send({ type: 'answer', id, code: asEcolinkError(thrown, 'test').code }),
    );
  });
  process.on('SIGTERM', () => {
    void core[Symbol.asyncDispose]().then(() => process.exit(0));
  });
  send({ type: 'ready' });
}

main().catch((thrown: unknown) => {
  const { code, message } = asEcolinkError(thrown, 'test');
  send({ type: 'refused', code, message });
  process.exitCode = 1;
  process.disconnect();
});
