import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineOn } from '../llama-engine/start-engine.ts';
import type { RunningEngine } from '../llama-engine/start-engine.ts';

const mebibyte = 1024 ** 2;

interface Completion {
  choices: { message: { content: string }; finish_reason: string }[];
}

describe('the model that comes with the quickstart', () => {
  let gguf: Buffer;
  let engine: RunningEngine;

  beforeAll(async () => {
    gguf = await readFile(new URL('../../src/quickstart/tiny-chat.gguf', import.meta.url));
    engine = await startEngineOn(gguf);
  });
  afterAll(() => engine.stop());

  const ask = async (...texts: string[]) => {
    const messages = texts.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content }));
    const answer = await fetch(`${engine.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', messages, max_tokens: 60, temperature: 0 }),
    });
    const { choices } = (await answer.json()) as Completion;
    return { text: choices[0]?.message.content, end: choices[0]?.finish_reason };
  };

  it('is small enough to come with the program', () => {
    expect(gguf.length).toBeLessThan(3 * mebibyte);
  });

  it('answers the question of the quickstart in one whole sentence', async () => {
    expect(await ask('In one short sentence: why keep a model registry?')).toEqual({
      text: 'A registry tells everyone which model runs, where it came from, and who may change it.',
      end: 'stop',
    });
  });

  it('answers in a conversation, and says what it does not know', async () => {
    const hello = await ask('Hello');
    expect(hello.text).toBe('Hello! I am a tiny model. Ask me what EcoLink does.');
    const next = await ask('Hello', hello.text ?? '', 'what does EcoLink do?');
    expect(next.text).toBe('EcoLink keeps a registry of models and launches them on your own machines and clusters.');
    expect((await ask('Who won the football game yesterday?')).text).toMatch(/^I do not know that\./);
  });
});
