import { expect } from 'vitest';
import { tools } from '../../src/mcp/tools.ts';
import type { Assistant, ToolAnswer } from './clients.ts';

/** The error that an answer carries, the way an assistant's model gets to read it. */
export function errorIn(answer: ToolAnswer): Record<string, unknown> {
  expect(answer).toMatchObject({ isError: true, content: [{ type: 'text' }] });
  expect(answer.content).toHaveLength(1);
  expect(answer).not.toHaveProperty('structuredContent');
  return JSON.parse(answer.content[0]?.text ?? '') as Record<string, unknown>;
}

/** What an assistant does first with any server: look, read, err, and change something under a name of its own. */
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
  expect(await assistant.call('register_model', input)).toEqual(first);
  const found = await assistant.call('list_models', { query: name });
  expect(found.structuredContent).toMatchObject({ items: [{ name, source: 'filesystem' }] });
}
