import { describe, expect, it } from 'vitest';
import { readChatTemplate } from '../../../src/core/registry/chat-template.ts';

const template = '{% if tools %}<tool_call>{% endif %}';

function read(files: Record<string, string | undefined>) {
  const listed = Object.entries(files).map(([path, text]) => ({ path, size: text?.length ?? 10 }));
  return readChatTemplate(listed, async (path) => files[path]);
}

describe('the chat template of a model', () => {
  it.each([
    ['a file of its own', { 'chat_template.jinja': template }],
    ['a field of the tokenizer', { 'tokenizer_config.json': JSON.stringify({ chat_template: template }) }],
    ['a field of the processor', { 'chat_template.json': JSON.stringify({ chat_template: template }) }],
    [
      'one of several with names',
      { 'tokenizer_config.json': JSON.stringify({ chat_template: [{ name: 'tool_use', template }] }) },
    ],
  ])('is read from %s', async (_place, files) => {
    const found = await read({ 'config.json': '{}', ...files });
    expect(found).toMatchObject({ present: true });
    expect(found?.marks).toContain('<tool_call>');
  });

  it('is missing if no file has one', async () => {
    expect(await read({ 'config.json': '{}', 'tokenizer_config.json': '{}' })).toEqual({ present: false, marks: [] });
  });

  it.each([
    ['it has no tokenizer', { 'config.json': '{}' }],
    ['its tokenizer has a format of its own', { 'config.json': '{}', 'tekken.json': '{}' }],
    ['a file is not readable', { 'config.json': '{}', 'tokenizer_config.json': undefined }],
  ])('is unknown if %s', async (_why, files) => {
    expect(await read(files)).toBeUndefined();
  });
});
