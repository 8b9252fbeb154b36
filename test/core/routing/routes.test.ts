import { expect, onTestFinished, test } from 'vitest';
import { engineRuntime, startMachine, weights } from '../instances/support/machine.ts';

test('a route says of each replica how its runtime is spoken to', async () => {
  const spoken = { ...engineRuntime, api_path: '/api/openai', rerank: 'tei' };
  const machine = await startMachine({ file: { runtimes: [spoken] } });
  onTestFinished(() => machine[Symbol.asyncDispose]());
  machine.hub.addRepo('acme/tiny', weights());
  await machine.register('tiny', 'acme/tiny');
  const id = await machine.launch('tiny');
  await machine.reach(id, 'running');
  const { replicas } = await machine.core.routes.findById(id, machine.local);
  expect(replicas).toHaveLength(1);
  expect(replicas[0]).toMatchObject({ region: 'local', api: { api_path: '/api/openai', rerank: 'tei' } });
});
