import { describe, expect, it } from 'vitest';
import { runtimeSchema } from '../../../src/core/config/schema.ts';
import { builtInKubernetes } from '../../../src/core/runtimes/kubernetes-built-in.ts';
import { launchArgumentsOf } from '../../../src/core/runtimes/launch-arguments/lists.ts';
import { codeOfRuntime } from '../../../src/core/runtimes/model-code.ts';

function codeOf(more: object): string[] {
  const runtime = runtimeSchema.parse({
    name: 'mine',
    kind: 'local',
    categories: ['chat', 'embedding'],
    formats: ['safetensors'],
    command: ['serve'],
    ...more,
  });
  return codeOfRuntime({ runtime, category: 'chat' }, launchArgumentsOf(runtime));
}

const code = ['--trust-remote-code'];

describe('a runtime runs code of the model', () => {
  it.each<[string, object, string[]]>([
    ['by a flag', { arguments: ['--trust-remote-code'] }, code],
    ['by a flag in another spelling', { arguments: ['--trust_remote_code'] }, ['--trust_remote_code']],
    ['by the beginning of a flag', { arguments: ['--trust-rem'] }, ['--trust-rem']],
    ['by its command', { command: ['vllm', 'serve', '--trust-remote-code'] }, code],
    ['by the line of a shell', { command: ['sh', '-c', 'exec vllm serve "$0" --trust-remote-code'] }, code],
    ['by arguments of the category', { category_arguments: { chat: ['--trust-remote-code'] } }, code],
    ['by JSON', { arguments: ['--hf-overrides', '{"trust_remote_code":true}'] }, code],
    ['by a dotted flag', { arguments: ['--hf-overrides.trust_remote_code=true'] }, code],
    ['by a plugin', { arguments: ['--tool-parser-plugin', '{model_path}/x.py'] }, ['--tool-parser-plugin']],
    [
      'by a plugin in JSON',
      { arguments: ['--structured-outputs-config', '{"reasoning_parser_plugin":"/x.py"}'] },
      code,
    ],
    ['by a file of the model', { arguments: ['--middleware-file', '{model_path}/x.py'] }, code],
    ['by its environment', { environment: { TRUST_REMOTE_CODE: '1' } }, code],
    ['by a variable of an engine', { environment: { HF_TRUST_REMOTE_CODE: 'true' } }, code],
    ['because its definition says so', { runs_code: true }, code],
    [
      'by a flag that an admin says runs code',
      { arguments: ['--own'], launch_arguments: [{ flag: '--own', value: 'none', runs_code: true, risk: 'Code.' }] },
      ['--own'],
    ],
  ])('%s', (_how, more, named) => {
    expect(codeOf(more)).toEqual(named);
  });

  it.each<[string, object]>([
    ['without any of it', {}],
    ['by arguments of another category', { category_arguments: { embedding: ['--trust-remote-code'] } }],
    ['by a flag that turns it off', { arguments: ['--no-trust-remote-code'] }],
    ['by JSON that turns it off', { arguments: ['--hf-overrides', '{"trust_remote_code": false}'] }],
    ['by a variable that turns it off', { environment: { TRUST_REMOTE_CODE: 'false' } }],
    ['by flags that look like it', { arguments: ['--reasoning-parser', 'qwen3', '--trust-request-chat-template'] }],
  ])('not %s', (_how, more) => {
    expect(codeOf(more)).toEqual([]);
  });

  it('not if it is built in', () => {
    for (const runtime of builtInKubernetes())
      for (const category of runtime.categories)
        expect(codeOfRuntime({ runtime, category }, launchArgumentsOf(runtime))).toEqual([]);
  });
});
