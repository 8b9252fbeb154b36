import { loadConfig } from '../src/core/config/load.ts';
import { createCore } from '../src/core/create-core.ts';
import { createLog } from '../src/core/base/log.ts';

/** A server without front ends. It runs in its own process, so its memory and CPU can be measured. */
export type Question = { id: number; operation: string; input: object } | { id: number; usage: true };
export type Reply = { id: number; answer?: unknown; error?: string };

const core = await createCore(loadConfig(), createLog({ level: 'warn', pretty: false }), { reconcile: true });
const person = await core.access.local();
const caller = {
  person,
  identity: 'local',
  agent: false,
  mayDecide: true,
  source: 'cli' as const,
  scopes: ['operate' as const, 'read' as const],
};

async function answer(question: Question): Promise<unknown> {
  if ('operation' in question) return core.execute(question.operation, question.input, caller);
  const { user, system } = process.cpuUsage();
  return { rss: process.memoryUsage().rss, cpuMs: (user + system) / 1000 };
}

process.on('message', (question: Question) => {
  answer(question).then(
    (answer) => process.send?.({ id: question.id, answer } satisfies Reply),
    (thrown: Error) => process.send?.({ id: question.id, error: thrown.message } satisfies Reply),
  );
});
process.on('disconnect', () => {
  void core[Symbol.asyncDispose]().then(() => process.exit(0));
});
process.send?.({ id: 0, answer: 'ready' } satisfies Reply);
