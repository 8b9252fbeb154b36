import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyGguf } from '../../src/quickstart/tiny-gguf.ts';
import { findCommand } from '../../src/core/runtimes/built-in.ts';
import { startServer } from '../../src/http/server.ts';
import { startCore } from '../support/core.ts';
import type { TestCore } from '../support/core.ts';

/** llama.cpp's own server: named by LLAMA_SERVER, or on the PATH as it is for a user who has it installed. */
const binary = process.env['LLAMA_SERVER'] ?? findCommand('llama-server', process.env['PATH']);
if (binary === undefined) {
  if (process.env['CI'] === 'true') throw new Error('llama-server is neither on the PATH nor named by LLAMA_SERVER.');
  process.stderr.write('SKIPPED: llama-server is neither on the PATH nor named by LLAMA_SERVER.\n');
}

describe.skipIf(binary === undefined)('llama-server on the PATH', () => {
  const undo = new AsyncDisposableStack();
  let place: TestCore;
  let url: string;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ecolink-engines-'));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'models', 'tiny'), { recursive: true });
    await symlink(binary as string, join(folder, 'bin', 'llama-server'));
    await writeFile(join(folder, 'models', 'tiny', 'tiny.gguf'), makeTinyGguf());
    const config = join(folder, 'ecolink.yaml');
    await writeFile(
      config,
      `filesystems: [{ name: shared, region: local, path: ${JSON.stringify(join(folder, 'models'))} }]\n`,
    );
    const path = [join(folder, 'bin'), process.env['PATH']].join(delimiter);
    place = undo.use(await startCore({ environment: { ECOLINK_CONFIG: config, PATH: path } }));
    url = undo.use(await startServer(place.core)).url;
  });

  afterAll(() => undo.disposeAsync());

  async function launch(name: string, category: string, args: string[] = []): Promise<string> {
    await place.run('register_model', {
      name,
      source: 'filesystem',
      filesystem: 'shared',
      subfolder: 'tiny',
      category,
    });
    const { instance, model_id: id } = await place.run('launch_instance', { model: name, arguments: args });
    const state = async (): Promise<unknown> =>
      (await place.run('get_instance', { instance: String(instance), wait_seconds: 5 }))['state'];
    await expect.poll(state, { timeout: 50_000 }).toBe('running');
    return id as string;
  }

  async function client(): Promise<OpenAI> {
    const { token } = await place.core.access.createToken(place.local.person, `t-${Math.random()}`.replace('0.', ''), [
      'call',
    ]);
    return new OpenAI({ baseURL: `${url}/v1`, apiKey: token });
  }

  it('is what the plan chooses, before the built-in engine', async () => {
    await place.run('register_model', {
      name: 'planned',
      source: 'filesystem',
      filesystem: 'shared',
      subfolder: 'tiny',
      category: 'reranker',
    });
    const plan = (await place.run('plan_launch', { model: 'planned' })) as {
      regions: { runtime: string; arguments: string[] }[];
    };
    expect(plan.regions[0]?.runtime).toBe('llama.cpp');
    expect(plan.regions[0]?.arguments).toContain('--reranking');
  });

  it('answers a chat through the gateway, streamed too', async () => {
    const model = await launch('chat', 'chat', ['--threads', '1']);
    const openai = await client();
    const messages = [{ role: 'user' as const, content: 'hello' }];
    const answer = await openai.chat.completions.create({ model, messages, max_tokens: 8 });
    expect(answer.choices[0]?.message.role).toBe('assistant');
    expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
    let chunks = 0;
    for await (const _chunk of await openai.chat.completions.create({ model, messages, max_tokens: 8, stream: true }))
      chunks++;
    expect(chunks).toBeGreaterThan(1);
  });

  it('demands the key of its replica, which the gateway sends', async () => {
    const model = await launch('guarded', 'chat', ['--threads', '1']);
    const [replica] = (await place.core.routes.find(model, place.local)).replicas;
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], max_tokens: 1 });
    const call = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${replica?.url}/v1/chat/completions`, { method: 'POST', headers, body })).status;
    expect(await call({})).toBe(401);
    expect(await call({ authorization: `Bearer ${replica?.key}` })).toBe(200);
    const openai = await client();
    await openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'hello' }], max_tokens: 1 });
  });

  it('tells how long its context is, which get_instance shows', async () => {
    const model = await launch('context', 'chat', ['--threads', '1', '--parallel', '1']);
    const [, instance] = model.split(':');
    const regions = async (): Promise<unknown> => (await place.run('get_instance', { instance }))['regions'];
    await expect.poll(regions, { timeout: 10_000 }).toMatchObject([{ context_length: 4096 }]);
  });

  it('reranks through the gateway, in the words that it and callers share', async () => {
    const model = await launch('rerank', 'reranker', ['--threads', '1']);
    const body = { model, query: 'a river', documents: ['water', 'stone'], top_n: 2 };
    const answer = (await (await client()).post('/rerank', { body })) as { results: { index: number }[] };
    expect(answer.results.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect(answer.results[0]).toMatchObject({ relevance_score: expect.any(Number) as number });
  });

  it('answers embeddings through the gateway', async () => {
    const model = await launch('embed', 'embedding', ['--threads', '1', '--pooling', 'mean']);
    const answer = await (await client()).embeddings.create({ model, input: 'hello' });
    expect(answer.data[0]?.embedding).toHaveLength(64);
  });
});
