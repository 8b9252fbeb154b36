import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Api } from '../../src/core/core.ts';
import { deadUrl, echo, sendJson, startEngine } from '../support/engine.ts';
import type { Seen } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { seenIn } from './answers.ts';
import { routesBy } from './routes.ts';

const tei: Api = { api_path: '/v1', rerank: 'tei' };

const teiRequest = z.object({ query: z.string(), texts: z.array(z.string()), return_text: z.boolean().optional() });

/**
 * Answers as TEI's router does (github.com/huggingface/text-embeddings-inference, router/src/http): unknown fields are
 * ignored, scores come sorted, text only where asked for, an error is `{error, error_type}`.
 */
function answerAsTei(response: ServerResponse, { url, body }: Seen): void {
  const send = (status: number, value: unknown, tokens?: number): void => {
    const counted = tokens === undefined ? {} : { 'x-compute-tokens': String(tokens) };
    response.writeHead(status, { 'content-type': 'application/json', ...counted }).end(JSON.stringify(value));
  };
  if (url !== '/rerank') return send(404, {});
  const asked = teiRequest.safeParse(JSON.parse(body));
  if (!asked.success) {
    return send(422, { error: 'missing field `texts`', error_type: 'Validation' });
  }
  const { query, texts, return_text: withText } = asked.data;
  if (texts.length > 32) {
    return send(422, { error: 'batch size 33 > maximum allowed batch size 32', error_type: 'Validation' });
  }
  const ranks = texts.map((text, index) => ({
    index,
    text: withText === true ? text : undefined,
    score: scoreOf(query, text),
  }));
  send(
    200,
    ranks.toSorted((a, b) => b.score - a.score),
    texts.length * 3,
  );
}

function scoreOf(query: string, text: string): number {
  return createHash('sha256').update(`${query} ${text}`).digest().readUInt16BE() / 65_536;
}

function rerank(server: TestServer, body: object): Promise<Response> {
  return server.fetch('/v1/rerank', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny:1', ...body }),
  });
}

const query = 'What is deep learning?';
const documents = ['a cheese', 'layers of neurons', 'a river', 'gradient descent'];

test('a rerank call is put to TEI in its words, and its answer in those of the caller', async () => {
  await using engine = await startEngine(answerAsTei);
  await using server = await startTestServer({ routes: routesBy(tei, [engine.url]) });
  const answer = await rerank(server, { query, documents });
  const best = documents
    .map((text, index) => ({ index, relevance_score: scoreOf(query, text) }))
    .toSorted((a, b) => b.relevance_score - a.relevance_score);
  expect(await answer.json()).toEqual({
    model: 'tiny:1',
    results: best,
    usage: { prompt_tokens: 12, total_tokens: 12 },
  });
  expect(engine.seen.map(({ url, body }) => [url, JSON.parse(body)])).toEqual([
    ['/rerank', { query, texts: documents, truncate: true }],
  ]);
});

test('the best few come with their documents, which may be given as objects', async () => {
  await using engine = await startEngine(answerAsTei);
  await using server = await startTestServer({ routes: routesBy(tei, [engine.url]) });
  const asked = { query, documents: documents.map((text) => ({ text })), top_n: 2, return_documents: true };
  const { results } = z
    .object({ results: z.array(z.looseObject({ index: z.int() })) })
    .parse(await (await rerank(server, asked)).json());
  expect(results).toHaveLength(2);
  for (const result of results) expect(result).toMatchObject({ document: { text: documents[result.index] } });
});

test('results come best first, in whatever order the engine has them', async () => {
  const ranks = [
    { index: 1, score: 0.1 },
    { index: 0, score: 0.9 },
  ];
  await using engine = await startEngine((response) => sendJson(response, ranks));
  await using server = await startTestServer({ routes: routesBy(tei, [engine.url]) });
  const answer = await rerank(server, { query, documents: documents.slice(0, 2) });
  expect(await answer.json()).toEqual({
    model: 'tiny:1',
    results: [
      { index: 0, relevance_score: 0.9 },
      { index: 1, relevance_score: 0.1 },
    ],
  });
});

test('what TEI refuses is refused in the words of the OpenAI API', async () => {
  await using engine = await startEngine(answerAsTei);
  await using server = await startTestServer({ routes: routesBy(tei, [engine.url]) });
  const answer = await rerank(server, { query, documents: Array.from({ length: 33 }, String) });
  expect(answer.status).toBe(422);
  expect(await answer.json()).toEqual({
    error: {
      message: 'batch size 33 > maximum allowed batch size 32',
      type: 'invalid_request_error',
      param: null,
      code: 'validation',
    },
  });
});

test.each([
  ['documents', { query }],
  ['query', { query: 1, documents }],
  ['top_n', { query, documents, top_n: 0 }],
])('a rerank call whose %s cannot be put to TEI reaches no replica', async (param, body) => {
  await using engine = await startEngine(answerAsTei);
  await using server = await startTestServer({ routes: routesBy(tei, [engine.url]) });
  const answer = await rerank(server, body);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { code: 'bad_rerank_request', param } });
  expect(engine.seen).toEqual([]);
});

test('a rerank call that meets a dead or a babbling replica is answered by another', async () => {
  await using babbling = await startEngine((response) => void response.end('<html>'));
  await using engine = await startEngine(answerAsTei);
  for (const bad of [await deadUrl(), babbling.url]) {
    await using server = await startTestServer({ routes: routesBy(tei, [bad, engine.url]) });
    for (let call = 0; call < 2; call++) expect((await rerank(server, { query, documents })).status).toBe(200);
  }
  await using alone = await startTestServer({ routes: routesBy(tei, [babbling.url]) });
  expect((await rerank(alone, { query, documents })).status).toBe(502);
});

test('a refusal that is not in the words of TEI reaches the caller, and no other replica', async () => {
  await using engine = await startEngine((response) => void response.writeHead(413).end('length limit exceeded'));
  await using server = await startTestServer({ routes: routesBy(tei, [engine.url, await deadUrl()]) });
  const statuses = [];
  for (let call = 0; call < 2; call++) {
    const answer = await rerank(server, { query, documents });
    statuses.push(answer.status);
    expect(await answer.json()).toMatchObject({ error: { message: 'length limit exceeded', code: 'upstream_error' } });
  }
  expect(statuses).toEqual([413, 413]);
});

test('a runtime that speaks as callers do gets a rerank call as it came', async () => {
  await using engine = await startEngine(echo);
  await using server = await startTestServer({ routes: routesBy({ api_path: '/v1', rerank: 'v1' }, [engine.url]) });
  const answer = seenIn(await (await rerank(server, { query, documents })).text());
  expect(answer.url).toBe('/v1/rerank');
  expect(JSON.parse(answer.body)).toEqual({ model: 'tiny:1', query, documents });
});

test('an engine whose API begins at another path is called there, and by the proxy as it was asked', async () => {
  await using engine = await startEngine(echo);
  const routes = routesBy({ api_path: '/api/openai', rerank: 'v1' }, [engine.url]);
  await using server = await startTestServer({ routes });
  const answer = await server.fetch('/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"tiny:1"}',
  });
  expect(seenIn(await answer.text()).url).toBe('/api/openai/chat/completions');
  const proxied = await server.fetch('/instances/1/proxy/v1/models');
  expect(seenIn(await proxied.text()).url).toBe('/v1/models');
});
