import { describe, expect, it } from 'vitest';
import type { Category } from '../../src/core/base/categories.ts';
import { runtimeSchema } from '../../src/core/config/schema.ts';
import type { Routes } from '../../src/core/core.ts';
import { builtInKubernetes } from '../../src/core/runtimes/kubernetes-built-in.ts';
import { admitsCaller, callerPathsOf } from '../../src/core/runtimes/caller-paths.ts';
import { errorInDialect } from '../../src/gateway/engine-error.ts';
import { sendJson, startEngine } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import { refusalIn } from './answers.ts';
import { routesTo } from './routes.ts';

const pathsOf = (name: string): readonly string[] => {
  const runtime = builtInKubernetes().find((each) => each.name === name);
  if (!runtime) throw new Error(`There is no runtime ${name}`);
  return callerPathsOf(runtime);
};

describe('what a caller may reach of an engine', () => {
  it.each([
    ['vllm', 'POST', '/v1/chat/completions', true],
    ['vllm', 'GET', '/health', true],
    ['vllm', 'POST', '/tokenize', true],
    ['vllm', 'POST', '/v1/load_lora_adapter', false],
    ['vllm', 'POST', '/v1/unload_lora_adapter', false],
    ['vllm', 'POST', '/sleep', false],
    ['vllm', 'POST', '/reset_prefix_cache', false],
    ['vllm', 'POST', '/collective_rpc', false],
    ['vllm', 'GET', '/metrics', false],
    ['sglang', 'POST', '/generate', true],
    ['sglang', 'POST', '/pause_generation', false],
    ['sglang', 'POST', '/load_lora_adapter', false],
    ['sglang', 'POST', '/update_weights_from_disk', false],
    ['sglang', 'POST', '/flush_cache', false],
    ['sglang', 'GET', '/server_info', false],
    ['llama.cpp', 'GET', '/props', true],
    ['llama.cpp', 'POST', '/props', false],
    ['llama.cpp', 'POST', '/slots/0', false],
    ['llama.cpp', 'POST', '/lora-adapters', false],
    ['llama.cpp', 'POST', '/models/load', false],
    ['tei', 'POST', '/embed', true],
    ['tei', 'GET', '/metrics', false],
    ['vllm-omni', 'GET', '/v1/videos/abc', true],
    ['vllm-omni', 'DELETE', '/v1/videos/abc', false],
    ['vllm', 'POST', '/v1/chat/completions/', false],
    ['vllm', 'POST', '//v1/chat/completions', false],
    ['vllm', 'POST', '/v1%2Fload_lora_adapter', false],
    ['vllm', 'GET', '/v1/models/tiny:1', true],
    ['vllm', 'GET', '/v1/models/a/b', false],
    ['vllm', 'GET', '/v1/models/%2e%2e', false],
    ['vllm', 'HEAD', '/health', true],
  ])('%s: %s %s is %s', (runtime, method, path, may) => {
    expect(admitsCaller(pathsOf(runtime), method, path)).toBe(may);
  });

  it('is what the configuration says, if it says it', () => {
    const local = { name: 'mine', kind: 'local', categories: ['chat'], formats: ['gguf'], command: ['serve'] };
    const own = callerPathsOf(runtimeSchema.parse({ ...local, caller_paths: ['/mine/*'] }));
    expect(admitsCaller(own, 'PUT', '/mine/1')).toBe(true);
    expect(admitsCaller(own, 'POST', '/v1/chat/completions')).toBe(false);
    const unknown = callerPathsOf(runtimeSchema.parse({ ...local, api_path: '/api' }));
    expect(admitsCaller(unknown, 'POST', '/api/chat/completions')).toBe(true);
    expect(admitsCaller(unknown, 'POST', '/api/shutdown')).toBe(false);
  });
});

function withApi(routes: Routes, category?: Category): Routes {
  const api = { api_path: '/v1', rerank: 'v1', caller_paths: pathsOf('vllm') } as const;
  const more = async (found: ReturnType<Routes['find']>) => {
    const route = await found;
    return { ...route, category, replicas: route.replicas.map((replica) => ({ ...replica, api })) };
  };
  return {
    ...routes,
    find: (...given) => more(routes.find(...given)),
    findById: (...given) => more(routes.findById(...given)),
  };
}

const post = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

describe('a token that may only call', () => {
  it('reaches no route of the engine that changes it, and one that may operate does', async () => {
    await using engine = await startEngine();
    await using server = await startTestServer({ routes: withApi(routesTo([engine.url])) });
    const token = await server.token('call');
    const as = (bearer: string, path: string) =>
      fetch(`${server.url}/instances/1/proxy${path}`, { ...post({}), headers: { authorization: `Bearer ${bearer}` } });
    expect((await as(token, '/tokenize')).status).toBe(200);
    const refused = await as(token, '/sleep?level=2');
    expect(refused.status).toBe(403);
    expect(refusalIn(await refused.text()).code).toBe('scope_missing');
    expect((await as(server.localToken, '/sleep')).status).toBe(200);
    expect(engine.seen.map(({ url }) => url)).toEqual(['/tokenize', '/sleep']);
  });
});

describe('a route that models of the category do not serve', () => {
  it.each([
    ['chat', '/v1/embeddings', 'tiny:1 is a chat model. It does not serve /v1/embeddings.'],
    ['embedding', '/v1/chat/completions', 'tiny:1 is an embedding model. It does not serve /v1/chat/completions.'],
    ['embedding', '/v1/rerank', 'tiny:1 is an embedding model. It does not serve /v1/rerank.'],
    ['reranker', '/v1/completions', 'tiny:1 is a reranker. It does not serve /v1/completions.'],
  ] as const)('of %s, %s, is answered by the gateway', async (category, path, message) => {
    await using engine = await startEngine();
    await using server = await startTestServer({ routes: withApi(routesTo([engine.url]), category) });
    const answer = await server.fetch(path, post({ model: 'tiny:1' }));
    expect(answer.status).toBe(400);
    const refusal = refusalIn(await answer.text());
    expect(refusal.code).toBe('route_not_served');
    expect(refusal.message).toContain(message);
    expect(engine.seen).toEqual([]);
  });

  it('reaches the engine if the category is right, or unknown', async () => {
    await using engine = await startEngine();
    for (const category of ['embedding', undefined] as const) {
      await using server = await startTestServer({ routes: withApi(routesTo([engine.url]), category) });
      expect((await server.fetch('/v1/embeddings', post({ model: 'tiny:1' }))).status).toBe(200);
    }
  });
});

describe('an error of an engine', () => {
  it.each([
    [
      'vLLM',
      { error: { message: 'no', type: 'BadRequestError', param: 'n', code: 400 } },
      'no',
      'BadRequestError',
      'n',
    ],
    ['FastAPI', { detail: 'Not Found' }, 'Not Found', 'invalid_request_error', null],
    ['SGLang', { object: 'error', message: 'no', type: 'BadRequest', code: 400 }, 'no', 'BadRequest', null],
    ['TEI', { error: 'no', error_type: 'Validation' }, 'no', 'Validation', null],
    ['llama.cpp', { error: { code: 400, message: 'no', type: 'bad' } }, 'no', 'bad', null],
  ])('of %s has the form of OpenAI’s API', (_engine, body, message, type, param) => {
    expect(errorInDialect('openai', 404, JSON.stringify(body))).toEqual({
      error: { message, type, param, code: null },
    });
  });

  it('that is a page, or a list, or nothing, has it too', () => {
    expect(errorInDialect('openai', 502, '<html>')).toMatchObject({
      error: { message: 'The engine answered with status 502.', type: 'server_error' },
    });
    expect(errorInDialect('openai', 422, JSON.stringify({ detail: [{ loc: ['n'] }] }))).toMatchObject({
      error: { message: '[{"loc":["n"]}]' },
    });
  });

  it('has Anthropic’s form on Anthropic’s route', () => {
    expect(errorInDialect('anthropic', 404, '{"detail":"Not Found"}')).toEqual({
      type: 'error',
      error: { type: 'not_found_error', message: 'Not Found' },
    });
  });

  it('is put into the words of /v1, and passes the proxy as it is', async () => {
    await using engine = await startEngine((response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"detail":"Not Found"}');
    });
    await using server = await startTestServer({ routes: withApi(routesTo([engine.url])) });
    const answer = await server.fetch('/v1/completions', post({ model: 'tiny:1' }));
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: { message: 'Not Found', type: 'invalid_request_error', param: null, code: null } },
    ]);
    expect(await (await server.fetch('/instances/1/proxy/health')).json()).toEqual({ detail: 'Not Found' });
  });
});

describe('documents that are objects', () => {
  it('reach every engine as texts', async () => {
    await using engine = await startEngine((response, { body }) => sendJson(response, JSON.parse(body)));
    await using server = await startTestServer({ routes: withApi(routesTo([engine.url]), 'reranker') });
    const asked = { model: 'tiny:1', query: 'q', documents: [{ text: 'a' }, 'b', { other: 1 }] };
    expect(await (await server.fetch('/v1/rerank', post(asked))).json()).toEqual({
      ...asked,
      documents: ['a', 'b', { other: 1 }],
    });
    await server.fetch('/v1/rerank', post({ ...asked, documents: ['a'] }));
    expect(engine.seen[1]?.body).toBe(JSON.stringify({ ...asked, documents: ['a'] }));
  });
});
