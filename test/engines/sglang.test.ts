import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import { defined } from '../support/defined.ts';
import { startInstallation, startMs } from './support/real-engine.ts';

/**
 * The real SGLang, on CPUs. SGLANG_BIN: the folder of a python3 that has it (scripts/engines/install-sglang). It is tried where it
 * is there: unlike vLLM it has no package for CPUs, and is put together from parts.
 */
const bin = process.env['SGLANG_BIN'];
const models = process.env['VLLM_MODELS'];
const isThere = bin !== undefined && models !== undefined;
if (!isThere) process.stderr.write('SKIPPED: SGLANG_BIN and VLLM_MODELS do not name SGLang and tiny models.\n');

describe.runIf(isThere)('SGLang through the local region and the gateway', () => {
  const undo = new AsyncDisposableStack();
  let place: Awaited<ReturnType<typeof startInstallation>>;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ecolink-sglang-models-'));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    await cp(join(models ?? '', 'chat'), join(folder, 'chat'), { recursive: true });
    // The definition of Kubernetes regions, as a command of this machine.
    const built = defined(builtInKubernetes().find(({ name }) => name === 'sglang'));
    const { name, categories, formats, served_name, context_argument, context_report } = built;
    const cpu = ['--device', 'cpu', '--disable-cuda-graph', '--max-total-tokens', '4096'];
    const runtime = {
      name,
      kind: 'local',
      categories,
      formats,
      served_name,
      context_argument,
      context_report,
      command: [join(bin ?? '', 'python3'), '-m', 'sglang.launch_server'],
      arguments: [...built.arguments, ...cpu],
      environment: { SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: '0' },
    };
    const regions = [{ name: 'local', kind: 'local', sandbox: 'off' }];
    place = undo.use(await startInstallation(folder, { regions, runtimes: [runtime] }, ''));
  });
  afterAll(() => undo.disposeAsync());

  it(
    'chats under a name of its own, which no caller sees',
    async () => {
      const model = await place.launch({ name: 'chat', category: 'chat' }, { runtime: 'sglang' });
      const openai = await place.client();
      const messages = [{ role: 'user' as const, content: 'hello' }];
      expect((await openai.chat.completions.create({ model, messages, max_tokens: 4 })).model).toBe(model);
      const names = new Set<string>();
      for await (const { model: name } of await openai.chat.completions.create({
        model,
        messages,
        max_tokens: 4,
        stream: true,
      }))
        names.add(name);
      expect([...names]).toEqual([model]);
      expect((await openai.completions.create({ model, prompt: 'hello', max_tokens: 4 })).model).toBe(model);
      const engine = await place.client(model);
      await expect(engine.post('/load_lora_adapter', { body: {} })).rejects.toMatchObject({ status: 403 });
      const regions = async () => (await place.instance(model))['regions'];
      await expect.poll(regions, { timeout: 20_000 }).toMatchObject([{ context_length: 2048 }]);
      await place.stop(model);
    },
    startMs,
  );
});
