import { expect, test } from 'vitest';
import { readContext } from '../../../src/core/reconcile/read-context-length.ts';
import { deadUrl, sendJson, startEngine } from '../../support/engine.ts';

const report = { path: '/v1/models', field: 'data.0.max_model_len' };

test('the context length is read where the runtime says that the engine tells it', async () => {
  await using engine = await startEngine((response) => sendJson(response, { data: [{ max_model_len: 8192 }] }));
  expect(await readContext({ context_report: report }, engine.url)).toBe(8192);
  expect(engine.seen.map(({ url }) => url)).toEqual(['/v1/models']);
  expect(await readContext({}, engine.url)).toBeUndefined();
  expect(
    await readContext({ context_report: { ...report, field: 'data.1.max_model_len' } }, engine.url),
  ).toBeUndefined();
});

test('an engine that tells nothing of it has none', async () => {
  await using babbling = await startEngine((response) => void response.end('<html>'));
  await using wordy = await startEngine((response) => sendJson(response, { data: [{ max_model_len: 'long' }] }));
  for (const url of [babbling.url, wordy.url, await deadUrl()])
    expect(await readContext({ context_report: report }, url)).toBeUndefined();
});
