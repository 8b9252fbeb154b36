import { expect, test } from 'vitest';
import { runtimeSchema } from '../../../src/core/config/schema.ts';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { servedNameOf } from '../../../src/core/runtimes/served-name.ts';

const instance = { name: 'tiny-chat', id: 7 };
const local = { name: 'mine', kind: 'local', categories: ['chat'], formats: ['gguf'], command: ['serve'] };

test('SGLang gets a name without a colon, every other engine the model id', () => {
  const names = Object.fromEntries(builtInKubernetes().map((each) => [each.name, servedNameOf(each, instance)]));
  expect(names).toEqual({
    vllm: 'tiny-chat:7',
    tei: 'tiny-chat:7',
    sglang: 'tiny-chat-7',
    'vllm-omni': 'tiny-chat:7',
    'llama.cpp': 'tiny-chat:7',
  });
  expect(servedNameOf(undefined, instance)).toBe('tiny-chat:7');
});

test('a runtime of the configuration that is SGLang gets one too, and any may shape it', () => {
  expect(servedNameOf(runtimeSchema.parse({ ...local, engine: 'sglang' }), instance)).toBe('tiny-chat-7');
  const shaped = runtimeSchema.parse({ ...local, served_name: 'models/{model}.{instance}' });
  expect(servedNameOf(shaped, instance)).toBe('models/tiny-chat.7');
  expect(runtimeSchema.safeParse({ ...local, served_name: '{model}:{instance}' }).success).toBe(false);
});
