import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import OpenAI, {
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
} from 'openai';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sendJson, startEngine } from '../support/engine.ts';
import type { Answer } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { routesServing, routesTo } from './routes.ts';

const messages = [{ role: 'user' as const, content: 'Say hello.' }];

function clientOf(server: TestServer, apiKey = server.localToken): OpenAI {
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
}

function delta(content: string): string {
  const choice = { index: 0, delta: { content }, finish_reason: null };
  return `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'tiny:1', choices: [choice] })}\n\n`;
}

function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
}

const chat: Answer = (response, { body }) => {
  const { model, stream } = z.object({ model: z.string(), stream: z.boolean().optional() }).parse(JSON.parse(body));
  if (!stream) {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello there.' }, finish_reason: 'stop' }];
    return sendJson(response, { id: 'c1', object: 'chat.completion', created: 1, model, choices });
  }
  openStream(response);
  response.end(`${delta('Hello')}${delta(' there.')}data: [DONE]\n\n`);
};

test('the OpenAI SDK chats with an instance by its model id', async () => {
  await using engine = await startEngine(chat);
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await clientOf(server).chat.completions.create({ model: 'tiny:1', messages, temperature: 0 });
  expect(answer.choices[0]?.message.content).toBe('Hello there.');
  expect(answer.model).toBe('tiny:1');
  expect(JSON.parse(engine.seen[0]?.body ?? '')).toEqual({ model: 'tiny:1', messages, temperature: 0 });
});

test('a stream reaches the SDK piece by piece, while the engine still writes', async () => {
  let write: (text: string) => void = () => {};
  let end: () => void = () => {};
  await using engine = await startEngine((response) => {
    openStream(response);
    response.write(delta('one'));
    write = (text) => void response.write(text);
    end = () => void response.end('data: [DONE]\n\n');
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const stream = await clientOf(server).chat.completions.create({ model: 'tiny:1', messages, stream: true });
  const pieces: string[] = [];
  for await (const chunk of stream) {
    pieces.push(chunk.choices[0]?.delta.content ?? '');
    // Each piece is sent only after the one before it has arrived here: a gateway that buffers would never get on.
    if (pieces.length === 1) write(delta('two'));
    if (pieces.length === 2) end();
  }
  expect(pieces).toEqual(['one', 'two']);
});

test('the head of a stream arrives before its first piece, and what is open at the end of the server may finish', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using engine = await startEngine((response) => {
    openStream(response);
    response.flushHeaders();
    begun.resolve(response);
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]), graceMs: 10_000 });
  // Resolves when the head is there.
  const stream = await clientOf(server).chat.completions.create({ model: 'tiny:1', messages, stream: true });
  const closed = server.server.close();
  await expect
    .poll(() =>
      server.fetch('/healthz').then(
        () => 'up',
        () => 'down',
      ),
    )
    .toBe('down');
  (await begun.promise).end(`${delta('late')}data: [DONE]\n\n`);
  const pieces: string[] = [];
  for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
  expect(pieces).toEqual(['late']);
  await closed;
});

test('embeddings come through as base64, which the SDK asks for by itself', async () => {
  const vector = [0.25, -1.5];
  await using engine = await startEngine((response, { body }) => {
    const { encoding_format: format } = z.object({ encoding_format: z.string().optional() }).parse(JSON.parse(body));
    const embedding = format === 'base64' ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector;
    const usage = { prompt_tokens: 1, total_tokens: 1 };
    sendJson(response, {
      object: 'list',
      model: 'tiny:1',
      data: [{ object: 'embedding', index: 0, embedding }],
      usage,
    });
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const answer = await clientOf(server).embeddings.create({ model: 'tiny:1', input: 'hello' });
  expect(answer.data[0]?.embedding).toEqual(vector);
  expect(engine.seen[0]?.url).toBe('/v1/embeddings');
});

test('the models that can be called are listed and found by id', async () => {
  await using server = await startTestServer({ routes: routesTo([], undefined, []) });
  const client = clientOf(server);
  const listed = (await client.models.list()).data;
  expect(listed.map((model) => model.id)).toEqual(['tiny:1', 'tiny:3']);
  expect(listed[0]).toEqual({ id: 'tiny:1', object: 'model', created: 1_700_000_000, owned_by: 'ada' });
  expect((await client.models.retrieve('tiny:3')).id).toBe('tiny:3');
  await expect(client.models.retrieve('tiny:2')).rejects.toThrow(NotFoundError);
});

test('an unknown and a stopped instance are both a model that is not found', async () => {
  await using server = await startTestServer({ routes: routesTo(undefined) });
  for (const model of ['tiny:1', 'tiny:7', 'nothing']) {
    const error = await failure(clientOf(server).chat.completions.create({ model, messages }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' });
  }
});

test('a bad token and one without the right scope surface as the SDK types them', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  const create = (apiKey: string) =>
    failure(clientOf(server, apiKey).chat.completions.create({ model: 'tiny:1', messages }));
  const bad = await create('eco_made_up');
  expect(bad).toBeInstanceOf(AuthenticationError);
  expect(bad.code).toBe('invalid_api_key');
  const reader = await create(await server.token('read', 'operate'));
  expect(reader).toBeInstanceOf(PermissionDeniedError);
  expect(reader.code).toBe('scope_missing');
  expect(reader.message).toMatch(/To get one: make a token with the scope "call"\.$/);
});

test('an instance without a healthy replica is 503 and says when to try again', async () => {
  await using server = await startTestServer({ routes: routesTo([]) });
  const error = await failure(clientOf(server).chat.completions.create({ model: 'tiny:1', messages }));
  expect(error).toBeInstanceOf(InternalServerError);
  expect(error).toMatchObject({ status: 503, code: 'no_healthy_replica' });
  expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0);
});

test("the engine's own errors come through as they are", async () => {
  await using engine = await startEngine((response) => {
    const error = { message: 'too long', type: 'BadRequestError', param: null, code: 400 };
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const error = await failure(clientOf(server).chat.completions.create({ model: 'tiny:1', messages }));
  expect(error).toBeInstanceOf(BadRequestError);
  expect(error.message).toContain('too long');
});

test('an aborted stream is cancelled at the engine', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using engine = await startEngine((response) => {
    openStream(response);
    response.write(delta('one'));
    begun.resolve(response);
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const stream = await clientOf(server).chat.completions.create({ model: 'tiny:1', messages, stream: true });
  const response = await begun.promise;
  const closed = once(response, 'close');
  stream.controller.abort();
  await closed;
  expect(response.writableFinished).toBe(false);
});

test('a call that is aborted before its answer begins is cancelled at the engine too', async () => {
  const arrived = Promise.withResolvers<ServerResponse>();
  await using engine = await startEngine((response) => arrived.resolve(response));
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const abort = new AbortController();
  const call = failure(
    clientOf(server).chat.completions.create({ model: 'tiny:1', messages }, { signal: abort.signal }),
  );
  const response = await arrived.promise;
  const closed = once(response, 'close');
  abort.abort();
  expect(await call).toBeInstanceOf(APIUserAbortError);
  await closed;
  expect(response.writableFinished).toBe(false);
});

test('a stream that the engine breaks off ends in an error and never looks complete', async () => {
  await using engine = await startEngine((response) => {
    openStream(response);
    response.write(delta('one'));
    // Half an event: what follows must not be glued to it.
    response.write('data: {"id":"c1","cho', () => response.destroy());
  });
  await using server = await startTestServer({ routes: routesTo([engine.url]) });
  const stream = await clientOf(server).chat.completions.create({ model: 'tiny:1', messages, stream: true });
  const pieces: string[] = [];
  const error = await failure(
    (async () => {
      for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
    })(),
  );
  expect(pieces).toEqual(['one']);
  expect(error).toBeInstanceOf(APIError);
  expect(error.code).toBe('upstream_failed');
});

test('what the replica serves the model as is put in place of the model id, and the rest stays as written', async () => {
  await using engine = await startEngine(chat);
  await using server = await startTestServer({ routes: routesServing('weights', [engine.url]) });
  const answer = await clientOf(server).chat.completions.create({ model: 'tiny:1', messages, seed: 7 });
  expect(JSON.parse(engine.seen[0]?.body ?? '')).toEqual({ model: 'weights', messages, seed: 7 });
  expect(answer.model).toBe('tiny:1');
});

async function failure(call: PromiseLike<unknown>): Promise<APIError> {
  const thrown: unknown = await Promise.resolve(call).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof APIError) return thrown;
  throw new Error('The call did not fail with an error of the API.', { cause: thrown });
}
