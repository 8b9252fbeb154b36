import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { makeTinyGguf } from '../../../src/quickstart/tiny-gguf.ts';
import { isLlamaEngineInstalled } from '../../../src/core/runtimes/llama-engine.ts';
import { defined } from '../../support/defined.ts';
import { logOf, startMachine } from './support/machine.ts';

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) });

test.skipIf(!isLlamaEngineInstalled())(
  'a real GGUF runs on the built-in engine and answers under its model id',
  async () => {
    const machine = await startMachine({ file: { runtimes: [], regions: [{ name: 'local', kind: 'local' }] } });
    onTestFinished(() => machine[Symbol.asyncDispose]());
    machine.hub.addRepo('acme/tiny', { files: { 'tiny.gguf': makeTinyGguf() } });
    await machine.register('tiny', 'acme/tiny');
    const id = await machine.launch('tiny', { runtime: 'llama.cpp', context_length: 256 });
    const instance = await machine.reach(id, 'running');
    expect(instance).toMatchObject({ runtime: 'llama.cpp', ready: 1 });
    // Read from the engine once it serves.
    await expect
      .poll(async () => (await machine.get(id)).regions[0], { timeout: 10_000 })
      .toMatchObject({ context_length: 256 });
    const [replica] = (await machine.core.routes.findById(id, machine.local)).replicas;
    const { url, key } = defined(replica);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const models = modelList.parse(await (await fetch(`${url}/v1/models`, { headers })).json());
    expect(models.data.map((model) => model.id)).toEqual([`tiny:${id}`]);
    const answer = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: `tiny:${id}`, prompt: 'Hello', max_tokens: 4 }),
    });
    expect(await answer.json()).toMatchObject({
      model: `tiny:${id}`,
      usage: { completion_tokens: expect.any(Number) },
    });
    expect(await logOf(machine, id)).not.toBe('');
  },
);
