import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defined } from '../support/defined.ts';
import { runManifest } from './support/run-manifest.ts';
import { placeOf, smallVllm, startInstallation, startMs, tone, withTools } from './support/real-engine.ts';

/**
 * The real vLLM, on CPUs. VLLM_BIN: the folder of its command. VLLM_MODELS: a folder with tiny models called chat, embedding,
 * reranker and whisper.
 */
const bin = placeOf('VLLM_BIN', 'the folder of the command vllm') ?? '';
const models = placeOf('VLLM_MODELS', 'a folder of tiny models') ?? '';
const isThere = bin !== '' && models !== '';

const messages = [{ role: 'user' as const, content: 'hello' }];
const tool = {
  type: 'function' as const,
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { enum: ['Bern', 'Oslo'] } }, required: ['city'] },
  },
};
const schema = {
  type: 'object',
  properties: { a: { enum: ['x', 'y'] } },
  required: ['a'],
  additionalProperties: false,
};

describe.skipIf(!isThere)('vLLM through the local region and the gateway', () => {
  const undo = new AsyncDisposableStack();
  let place: Awaited<ReturnType<typeof startInstallation>>;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ecolink-vllm-models-'));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    for (const name of ['embedding', 'reranker', 'whisper'])
      await cp(join(models, name), join(folder, name), { recursive: true });
    await withTools(join(models, 'chat'), join(folder, 'chat'));
    const runtimes = [{ name: 'vllm', kind: 'built-in', ...smallVllm }];
    place = undo.use(await startInstallation(folder, { runtimes }, bin));
  });
  afterAll(() => undo.disposeAsync());

  it(
    'chats with tools, a JSON schema, streams and completions, and reports its context',
    async () => {
      const model = await place.launch({ name: 'chat', category: 'chat' });
      const openai = await place.client();
      const plain = await openai.chat.completions.create({ model, messages, max_tokens: 4 });
      expect(plain.model).toBe(model);
      expect(plain.usage?.completion_tokens).toBeGreaterThan(0);

      const auto = await openai.chat.completions.create({ model, messages, tools: [tool], max_tokens: 4 });
      expect(auto.choices).toHaveLength(1);
      const choice = { type: 'function' as const, function: { name: 'weather' } };
      const called = await openai.chat.completions.create({
        ...{ model, messages, tools: [tool], tool_choice: choice, max_tokens: 64 },
      });
      const call = defined(called.choices[0]?.message.tool_calls?.[0]);
      expect(call).toMatchObject({ type: 'function', function: { name: 'weather' } });

      const shaped = await openai.chat.completions.create({
        ...{ model, messages, max_tokens: 64 },
        response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
      });
      expect(['x', 'y']).toContain(
        z.object({ a: z.string() }).parse(JSON.parse(shaped.choices[0]?.message.content ?? '')).a,
      );

      const stream = await openai.chat.completions.create({
        ...{ model, messages, max_tokens: 4, stream: true as const, stream_options: { include_usage: true } },
      });
      const seen: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) seen.push(chunk);
      expect(new Set(seen.map((chunk) => chunk.model))).toEqual(new Set([model]));
      expect(seen.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);

      const completion = await openai.completions.create({ model, prompt: 'hello', max_tokens: 4 });
      expect(completion.choices[0]?.finish_reason).toBeDefined();

      // The model's own 2,048 tokens fit, so `auto` takes them all.
      const regions = async () => (await place.instance(model))['regions'];
      await expect.poll(regions, { timeout: 20_000 }).toMatchObject([{ context_length: 2048 }]);

      const wrongRoute = openai.embeddings.create({ model, input: 'hello' });
      await expect(wrongRoute).rejects.toMatchObject({ status: 400, code: 'route_not_served' });
      const wrongField = openai.chat.completions.create({ model, messages: [], max_tokens: -1 });
      await expect(wrongField).rejects.toMatchObject({ status: 400, error: { message: expect.any(String) as string } });
      const engine = await place.client(model);
      await expect(engine.post('/load_lora_adapter', { body: {} })).rejects.toMatchObject({ status: 403 });
      await place.stop(model);
    },
    startMs,
  );

  it(
    'answers embeddings as floats, as base64, and of tokens',
    async () => {
      const model = await place.launch({ name: 'embedding', category: 'embedding' });
      const openai = await place.client();
      const encoded = await openai.embeddings.create({ model, input: ['hello', 'world'] });
      const floats = await openai.embeddings.create({ model, input: ['hello', 'world'], encoding_format: 'float' });
      expect(floats.data[0]?.embedding).toHaveLength(64);
      // The SDK asks for base64 and decodes it.
      for (const [index, { embedding }] of encoded.data.entries())
        for (const [at, value] of embedding.entries())
          expect(value).toBeCloseTo(floats.data[index]?.embedding[at] ?? NaN, 5);
      const tokens = await openai.embeddings.create({ model, input: [[5, 6, 7]], encoding_format: 'float' });
      expect(tokens.usage.prompt_tokens).toBe(3);
      await place.stop(model);
    },
    startMs,
  );

  it(
    'reranks texts and objects, best first',
    async () => {
      const model = await place.launch({ name: 'reranker', category: 'reranker' });
      const body = { model, query: 'a river', documents: ['water', { text: 'stone' }], top_n: 2 };
      const answer = (await (await place.client()).post('/rerank', { body })) as {
        results: { index: number; relevance_score: number }[];
      };
      expect(answer.results.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1]);
      expect(defined(answer.results[0]).relevance_score).toBeGreaterThanOrEqual(
        defined(answer.results[1]).relevance_score,
      );
      await place.stop(model);
    },
    startMs,
  );

  it(
    'transcribes speech',
    async () => {
      const model = await place.launch({ name: 'whisper', category: 'audio' });
      const openai = await place.client(model);
      const file = new File([new Uint8Array(tone())], 'tone.wav', { type: 'audio/wav' });
      const answer = await openai.audio.transcriptions.create({ model, file, language: 'en' });
      expect(answer.text).toEqual(expect.any(String));
      await place.stop(model);
    },
    startMs,
  );
});

describe.skipIf(!isThere)('vLLM as the Kubernetes manifest starts it', () => {
  it(
    'serves a read-only model as its own user on a read-only root',
    async () => {
      const command = join(bin, 'vllm');
      await using engine = await runManifest({
        runtime: 'vllm',
        model: { folder: join(models, 'chat'), category: 'chat', family: 'llama' },
        arguments: ['--enforce-eager', '--kv-cache-memory-bytes', '256M'],
        environment: { VLLM_CPU_KVCACHE_SPACE: '1' },
        command: [command],
        readable: [join(bin, '..')],
      });
      await engine.healthy(startMs);
      const openai = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: 'none', maxRetries: 0 });
      const answer = await openai.chat.completions.create({ model: 'tiny:7', messages, max_tokens: 2 });
      expect(answer.model).toBe('tiny:7');
      expect(engine.output()).not.toContain('Permission denied');
    },
    startMs,
  );
});
