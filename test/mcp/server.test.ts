import { Client } from '@modelcontextprotocol/client';
import { InMemoryTransport } from '@modelcontextprotocol/server';
import { expect, it, onTestFinished } from 'vitest';
import { fail } from '../../src/core/base/errors.ts';
import { fieldRef, run, say, task } from '../../src/core/base/prose.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { CallOperation } from '../../src/mcp/server.ts';
import { toolAnswerOf } from './clients.ts';
import { errorIn } from './conversation.ts';

/** A client whose tool calls end in `call`; what is reported as unexpected is kept. */
async function connectTo(call: CallOperation) {
  const reported: { thrown: unknown; reference: string }[] = [];
  const [near, far] = InMemoryTransport.createLinkedPair();
  await createMcpServer({
    version: '1.2.3',
    call,
    report: (thrown, reference) => reported.push({ thrown, reference }),
  }).connect(far);
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(near);
  onTestFinished(() => client.close());
  const callTool = async (name: string, input: Record<string, unknown>, signal?: AbortSignal) =>
    toolAnswerOf(await client.callTool({ name, arguments: input }, { signal }));
  return { client, callTool, reported };
}

it('answers with the output, as structured content and as the same JSON in text', async () => {
  const output = { items: [{ name: 'tiny-chat' }], next_cursor: 'c2' };
  const { callTool } = await connectTo(async () => output);
  const answer = await callTool('list_models', {});
  expect(answer.structuredContent).toEqual(output);
  expect(answer.content).toEqual([{ type: 'text', text: JSON.stringify(output) }]);
  expect(answer.isError).not.toBe(true);
});

it('says the texts of an output in words for assistants, twice the same', async () => {
  const warning = say`To replace its value: ${task('add_credential', 'hf')}.`;
  const { callTool } = await connectTo(async () => ({
    model: 'tiny',
    state: 'registered',
    next_step: say`Launch it: ${run('launch_instance', { model: 'tiny' })}.`,
    warnings: ['It is large.', warning],
  }));
  const { content, structuredContent } = await callTool('check_model', {});
  expect(structuredContent?.['warnings']).toEqual([
    'It is large.',
    'To replace its value: ask your user to store a Hugging Face token named "hf" at a terminal, never in this chat.',
  ]);
  expect(JSON.parse(content[0]?.text ?? '')).toEqual(structuredContent);
  const registered = await callTool('register_model', {});
  expect(registered.structuredContent?.['next_step']).toBe('Launch it: launch_instance (model: "tiny").');
});

it('hands the arguments on as they came, so that the core itself says what is wrong with them', async () => {
  const calls: unknown[] = [];
  const { callTool } = await connectTo(async (operation, input) => {
    calls.push([operation, input]);
    return { items: [] };
  });
  await callTool('list_models', { limit: 'many', colour: 'red' });
  await callTool('get_instance', { instance: 3 });
  expect(calls).toEqual([
    ['list_models', { limit: 'many', colour: 'red' }],
    ['get_instance', { instance: 3 }],
  ]);
});

it('shows an error as one text block of JSON, whose next step names tools', async () => {
  const { callTool, reported } = await connectTo(() =>
    Promise.reject(
      fail('region_not_found', say`There is no region "eu" for ${fieldRef('regions')}.`, {
        nextStep: say`Name one of the regions that ${run('list_regions')} shows, or read ${run('get_instance_logs', { instance: 3 })}. ${run('list_people')} shows who may help.`,
        field: 'regions',
        validValues: ['local'],
      }),
    ),
  );
  expect(errorIn(await callTool('launch_instance', { model: 'tiny-chat', regions: ['eu'] }))).toEqual({
    code: 'region_not_found',
    message: 'There is no region "eu" for "regions".',
    retryable: false,
    next_step:
      'Name one of the regions that list_regions shows, or read get_instance_logs (instance: 3). "List people" (a person does this) shows who may help.',
    field: 'regions',
    valid_values: ['local'],
  });
  expect(reported).toEqual([]);
});

it('says when trying again can help', async () => {
  const { callTool } = await connectTo(() =>
    Promise.reject(fail('hub_unreachable', 'The Hub does not answer.', { nextStep: 'Try again.' })),
  );
  expect(errorIn(await callTool('check_model', {}))).toMatchObject({ code: 'hub_unreachable', retryable: true });
});

it('keeps the words of an unforeseen error from the assistant, and reports them under the reference it shows', async () => {
  const cause = new TypeError('undefined is not a secret');
  const { callTool, reported } = await connectTo(() => Promise.reject(cause));
  const body = errorIn(await callTool('list_models', {}));
  expect(reported).toEqual([{ thrown: cause, reference: expect.stringMatching(/^[0-9a-f]{8}$/) }]);
  expect(body).toMatchObject({ code: 'unexpected', message: expect.stringContaining(reported[0]?.reference ?? '-') });
  expect(JSON.stringify(body)).not.toContain('secret');
});

it('aborts the operation when the client cancels its request', async () => {
  const begun = Promise.withResolvers<AbortSignal>();
  const { callTool } = await connectTo((_operation, _input, { signal }) => {
    begun.resolve(signal);
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  });
  const cancel = new AbortController();
  const answer = callTool('get_instance', { instance: '3', wait_seconds: 30 }, cancel.signal);
  const signal = await begun.promise;
  expect(signal.aborted).toBe(false);
  cancel.abort();
  await expect(answer).rejects.toThrow();
  await expect.poll(() => signal.aborted).toBe(true);
});

it('does not know tools that are not in the catalogue', async () => {
  const { callTool } = await connectTo(async () => ({}));
  await expect(callTool('drop_everything', {})).rejects.toThrow(/drop_everything/);
});

it('says who it is and how the tools go together', async () => {
  const { client } = await connectTo(async () => ({}));
  expect(client.getServerVersion()).toMatchObject({ name: 'ecolink', version: '1.2.3' });
  const words = client.getInstructions() ?? '';
  const order = ['check_model', 'register_model', 'plan_launch', 'launch_instance', 'get_instance'].map((name) =>
    words.indexOf(name),
  );
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(order[0]).toBeGreaterThanOrEqual(0);
  expect(words).toMatch(/untrusted/);
});
