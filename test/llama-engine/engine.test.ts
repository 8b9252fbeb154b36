import OpenAI from 'openai';
import type { ResponseFormatJSONSchema } from 'openai/resources/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { collect, startEngine } from './start-engine.ts';
import type { RunningEngine } from './start-engine.ts';

const patient = { timeout: 30_000 };

let engine: RunningEngine;
let openai: OpenAI;

beforeAll(async () => {
  engine = await startEngine('--parallel', '2', '--context-length', '4096');
  openai = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

afterAll(() => engine.stop());

const hello = [
  { role: 'system' as const, content: 'Be kind.' },
  { role: 'user' as const, content: [{ type: 'text' as const, text: 'Hello there' }] },
];

/** Random weights say anything. A schema with one possible answer makes them say this text. */
function saying(text: string): ResponseFormatJSONSchema {
  const schema = { type: 'object', properties: { said: { const: text } }, required: ['said'] };
  return { type: 'json_schema', json_schema: { name: 'said', schema } };
}

const answerSchema = z.object({ said: z.unknown() });

function said(content: string | null | undefined): unknown {
  return answerSchema.parse(JSON.parse(content ?? '')).said;
}

function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${engine.url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('the server', () => {
  it('reports that it is loading until the model is loaded', async () => {
    expect(engine.healthWhileLoading).toEqual({ status: 503, body: { status: 'loading' } });
    const health = await fetch(`${engine.url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('lists the served model under its name', async () => {
    const { data } = await openai.models.list();
    expect(data).toMatchObject([{ id: 'tiny', object: 'model', max_model_len: 4096 }]);
    await expect(openai.models.retrieve('tiny')).resolves.toMatchObject({ id: 'tiny' });
    expect((await fetch(`${engine.url}/v1/models/100%`)).status).toBe(404);
  });

  it('logs one line per request, without any of its text', async () => {
    const secret = 'correct horse battery staple';
    await openai.completions.create({ model: 'tiny', prompt: secret, max_tokens: 3 });
    await vi.waitFor(
      () => expect(engine.log.at(-1)).toMatchObject({ path: '/v1/completions', completion_tokens: 3 }),
      patient,
    );
    expect(JSON.stringify(engine.log)).not.toContain('horse');
  });
});

describe('chat', () => {
  it('answers with a message and the tokens it used', async () => {
    const { choices, usage } = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      max_completion_tokens: 200,
      response_format: saying('hi'),
    });
    expect(choices).toMatchObject([{ index: 0, finish_reason: 'stop', message: { role: 'assistant' } }]);
    expect(said(choices[0]?.message.content)).toBe('hi');
    expect(usage?.prompt_tokens).toBeGreaterThan(20);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
  });

  it('streams whole characters in many pieces, and the usage at the end', async () => {
    const text = 'Grüße aus 東京 😀👩🏽‍🚀!';
    const stream = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      response_format: saying(text),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    const pieces = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').filter((piece) => piece !== '');
    expect(pieces.length).toBeGreaterThan(10);
    expect(pieces.every((piece) => piece.isWellFormed() && !piece.includes('\uFFFD'))).toBe(true);
    expect(said(pieces.join(''))).toBe(text);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: expect.any(Number) } });
  });

  it('gives the same answer for the same seed, streamed or not, and another answer for another seed', async () => {
    const ask = async (seed: number): Promise<string | null | undefined> => {
      const { choices } = await openai.chat.completions.create({
        model: 'tiny',
        messages: hello,
        seed,
        max_tokens: 40,
      });
      return choices[0]?.message.content;
    };
    const first = await ask(7);
    const stream = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      seed: 7,
      max_tokens: 40,
      stream: true,
    });
    const pieces = (await collect(stream)).map(({ choices }) => choices[0]?.delta.content ?? '');
    expect(await ask(7)).toBe(first);
    expect(pieces.join('')).toBe(first);
    expect(await ask(8)).not.toBe(first);
  });

  it('stops before a stop text of one token or many', async () => {
    const { choices } = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      response_format: saying('one STOP two'),
      stop: ['never', 'STOP'],
    });
    expect(choices[0]?.finish_reason).toBe('stop');
    expect(choices[0]?.message.content).toMatch(/"one $/);
  });

  it('ends at the limit of tokens, and the answer tells', async () => {
    const { choices, usage } = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      response_format: saying('a long story'),
      max_tokens: 5,
    });
    expect(choices[0]?.finish_reason).toBe('length');
    expect(usage?.completion_tokens).toBe(5);
  });

  it('ends at the end of the context and keeps its beginning', async () => {
    const { choices, usage } = await openai.chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: 'x'.repeat(4000) }],
      response_format: saying('y'.repeat(500)),
    });
    expect(choices[0]?.finish_reason).toBe('length');
    expect(usage?.total_tokens).toBeLessThanOrEqual(4096);
    expect(usage?.prompt_tokens).toBeGreaterThan(4000);
  });

  it('writes JSON if the request wants JSON', async () => {
    const { choices } = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      response_format: { type: 'json_object' },
      max_tokens: 1,
    });
    expect(choices[0]?.message.content?.trimStart()).toMatch(/^\{?$/);
  });
});

describe('many callers', () => {
  it('get each their own answer, even if there are more of them than sequences', async () => {
    const words = ['ant', 'bee', 'cat', 'dog', 'elk', 'fox', 'gnu'];
    const answers = await Promise.all(
      words.map((word) =>
        openai.chat.completions.create({ model: 'tiny', messages: hello, response_format: saying(word) }),
      ),
    );
    expect(answers.map(({ choices }) => said(choices[0]?.message.content))).toEqual(words);
  });

  it('free their sequence at once when they disconnect, running or waiting', async () => {
    const long = 3000;
    const begin = () =>
      openai.chat.completions.create({
        model: 'tiny',
        messages: hello,
        response_format: saying('z'.repeat(long)),
        stream: true,
      });
    const running = [await begin(), await begin()];
    const streams = running.map((stream) => stream[Symbol.asyncIterator]());
    // The first event comes before a sequence is free. A text comes from a running generation.
    await Promise.all(streams.map(async (stream) => [await stream.next(), await stream.next()]));
    const gone = () => engine.log.filter((line) => line['cancelled'] === true).length;
    const waiting = await begin();
    waiting.controller.abort();
    await vi.waitUntil(() => gone() === 1, patient);
    running.forEach((stream) => stream.controller.abort());
    const { choices } = await openai.chat.completions.create({
      model: 'tiny',
      messages: hello,
      response_format: saying('served'),
    });
    expect(said(choices[0]?.message.content)).toBe('served');
    const cancelled = engine.log.filter(({ event }) => event === 'generation_cancelled');
    expect(cancelled).toHaveLength(2);
    expect(cancelled.every((line) => Number(line['completion_tokens']) < long)).toBe(true);
    expect(gone()).toBe(3);
  });
});

describe('completions', () => {
  it('continue one text, alone or in a list, and stream', async () => {
    const request = { model: 'tiny', prompt: 'Once upon', max_tokens: 12, seed: 3 };
    const { choices, usage } = await openai.completions.create(request);
    expect(choices).toMatchObject([{ index: 0, text: expect.any(String) }]);
    // The beginning-of-text token and one for each letter.
    expect(usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 12, total_tokens: 22 });
    const listed = await openai.completions.create({ ...request, prompt: ['Once upon'] });
    expect(listed.choices[0]?.text).toBe(choices[0]?.text);
    const chunks = await collect(await openai.completions.create({ ...request, stream: true }));
    expect(chunks.map((chunk) => chunk.choices[0]?.text).join('')).toBe(choices[0]?.text);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
  });
});

describe('embeddings', () => {
  it('are the same as base64, the default of the SDK, and as floats', async () => {
    const request = { model: 'tiny', input: ['first', 'second'] };
    const asBase64 = await openai.embeddings.create(request);
    const asFloats = await openai.embeddings.create({ ...request, encoding_format: 'float' });
    expect(asBase64.data.map(({ index }) => index)).toEqual([0, 1]);
    const [first, second] = asBase64.data.map(({ embedding }) => Array.from(embedding));
    expect(asFloats.data.map(({ embedding }) => embedding)).toEqual([first, second]);
    expect(first).not.toEqual(second);
    expect(first).toHaveLength(64);
    expect(Math.hypot(...(first ?? []))).toBeCloseTo(1);
    expect(asBase64.usage).toEqual({ prompt_tokens: 13, total_tokens: 13 });
  });

  it('take one text as well as a list', async () => {
    const one = await openai.embeddings.create({ model: 'tiny', input: 'first' });
    const listed = await openai.embeddings.create({ model: 'tiny', input: ['first'] });
    expect(one.data).toEqual(listed.data);
  });
});

describe('a request that cannot be served', () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const chat = '/v1/chat/completions';
  const tooLong = 'x'.repeat(5000);
  const tool = { type: 'function', function: { name: 'look', parameters: {} } };
  const image = { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } };

  it.each([
    ['is not JSON', chat, '{"model":', 400, 'invalid_json', null],
    ['is not an object', chat, [], 400, 'invalid_value', ''],
    ['names another model', chat, { model: 'huge', messages }, 404, 'model_not_found', 'model'],
    ['names no model', chat, { messages }, 400, 'missing_required_parameter', 'model'],
    ['has no messages', chat, { model: 'tiny' }, 400, 'missing_required_parameter', 'messages'],
    ['has an empty list of messages', chat, { model: 'tiny', messages: [] }, 400, 'invalid_value', 'messages'],
    [
      'has a message of an unknown role',
      chat,
      { model: 'tiny', messages: [{ role: 'ghost', content: 'Boo' }] },
      400,
      'invalid_value',
      'messages.0.role',
    ],
    [
      'has a message without content',
      chat,
      { model: 'tiny', messages: [{ role: 'user' }] },
      400,
      'missing_required_parameter',
      'messages.0.content',
    ],
    [
      'shows a picture',
      chat,
      { model: 'tiny', messages: [{ role: 'user', content: [image] }] },
      400,
      'unsupported_parameter',
      'messages.0.content.0',
    ],
    ['brings tools', chat, { model: 'tiny', messages, tools: [tool] }, 400, 'unsupported_parameter', 'tools'],
    ['wants two answers', chat, { model: 'tiny', messages, n: 2 }, 400, 'unsupported_parameter', 'n'],
    ['is too hot', chat, { model: 'tiny', messages, temperature: 50 }, 400, 'invalid_value', 'temperature'],
    ['wants no tokens', chat, { model: 'tiny', messages, max_tokens: 0 }, 400, 'invalid_value', 'max_tokens'],
    [
      'is longer than the context',
      chat,
      { model: 'tiny', messages: [{ role: 'user', content: tooLong }], stream: true },
      400,
      'context_length_exceeded',
      'messages',
    ],
    [
      'has a prompt longer than the context',
      '/v1/completions',
      { model: 'tiny', prompt: tooLong },
      400,
      'context_length_exceeded',
      'prompt',
    ],
    [
      'has two prompts',
      '/v1/completions',
      { model: 'tiny', prompt: ['a', 'b'] },
      400,
      'unsupported_parameter',
      'prompt',
    ],
    [
      'embeds what is longer than the context',
      '/v1/embeddings',
      { model: 'tiny', input: tooLong },
      400,
      'context_length_exceeded',
      'input',
    ],
    ['embeds nothing', '/v1/embeddings', { model: 'tiny', input: '' }, 400, 'invalid_value', 'input'],
    ['asks for a path that is none', '//%', {}, 404, 'unknown_url', null],
    ['asks for another path', '/v1/images/generations', {}, 404, 'unknown_url', null],
  ])('because it %s is refused in the shape that clients read', async (_, path, body, status, code, param) => {
    const response = await post(path, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: {
        type: 'invalid_request_error',
        code,
        param,
        message: expect.stringMatching(/\.$/),
      },
    });
  });
});
