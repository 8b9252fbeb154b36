import { expect } from 'vitest';
import { z } from 'zod';
import { tools } from '../../src/mcp/tools.ts';
import type { Assistant, ToolAnswer } from './clients.ts';

/** The error of an answer, as the assistant's model reads it. */
export function errorIn(answer: ToolAnswer): Record<string, unknown> {
  expect(answer).toMatchObject({ isError: true, content: [{ type: 'text' }] });
  expect(answer.content).toHaveLength(1);
  expect(answer).not.toHaveProperty('structuredContent');
  return z.record(z.string(), z.unknown()).parse(JSON.parse(answer.content[0]?.text ?? ''));
}

/** The first calls of an assistant: it lists the tools, reads, makes a mistake, and registers a model under `name`. */
export async function converse(assistant: Assistant, name: string): Promise<void> {
  expect(assistant.instructions).toMatch(/check_model.*register_model.*launch_instance/s);
  expect(await assistant.tools()).toEqual(tools.map((tool) => tool.name));
  await readRegions(assistant);
  await mistypeField(assistant);
  await registerOnce(assistant, name);
}

async function readRegions(assistant: Assistant): Promise<void> {
  const answer = await assistant.call('list_regions', {});
  expect(answer.structuredContent).toMatchObject({ items: [{ name: 'local' }] });
  expect(answer.content).toEqual([{ type: 'text', text: JSON.stringify(answer.structuredContent) }]);
}

async function mistypeField(assistant: Assistant): Promise<void> {
  const error = errorIn(await assistant.call('list_models', { catgory: 'chat' }));
  expect(error).toMatchObject({
    code: 'unknown_field',
    retryable: false,
    field: 'catgory',
    next_step: expect.any(String),
  });
  expect(error['message']).toContain('"category"');
  expect(error['valid_values']).toContain('category');
}

async function registerOnce(assistant: Assistant, name: string): Promise<void> {
  const input = {
    name,
    source: 'filesystem',
    filesystem: 'shelf',
    subfolder: 'small',
    category: 'chat',
    idempotency_key: `register ${name}`,
  };
  const first = await assistant.call('register_model', input);
  expect(first.structuredContent).toMatchObject({ model: name, next_step: expect.any(String) });
  const again = await assistant.call('register_model', input);
  expect(again.structuredContent).toEqual({
    ...first.structuredContent,
    replayed: true,
    first_called_at: expect.stringMatching(/^\d{4}-/),
  });
  expect(first.structuredContent).toMatchObject({ next: { tool: 'plan_launch', arguments: { model: name } } });
  const found = await assistant.call('list_models', { query: name });
  expect(found.structuredContent).toMatchObject({ items: [{ name, source: 'filesystem' }] });
}
