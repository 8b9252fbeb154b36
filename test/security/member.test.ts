import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/core/base/caller.ts';
import { asEcolinkError } from '../../src/core/base/errors.ts';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import { decisionPlace } from '../core/approvals/place.ts';
import type { DecisionPlace } from '../core/approvals/place.ts';
import { tiny } from '../support/model-folder.ts';

// A member registers and launches. They get no shell, no decision on their own requests, and nothing of others.

let p: DecisionPlace;
let max: Caller;
let mia: Caller;
beforeAll(async () => {
  p = await decisionPlace(`
policy:
  - when: { operations: [restart_instance] }
    require: { approvers: { roles: [approver] } }
`);
  ({ max, mia } = p);
  await p.run(mia, 'register_model', { ...tiny, name: 'secret', private: true });
  await p.run(mia, 'launch_instance', { model: 'secret' });
  await p.run(max, 'launch_instance', { model: 'tiny' });
});
afterAll(() => p[Symbol.asyncDispose]());

describe('the arguments of a launch', () => {
  const shells = [
    ['--tools', 'exec_shell_command'],
    ['--path', '/root'],
    ['--mcp-servers-json', '{}'],
    ['--log-file', '/etc/cron.d/x'],
    ['--structured-outputs-config', '{"reasoning_parser_plugin":"{model_path}/x.py"}'],
    ['--structured-outputs-config.reasoning_parser_plugin={model_path}/x.py'],
    ['--chat-template', '{model_path}/x'],
    ['--hf-overrides.trust_remote_code=true'],
    ['-c', 'id'],
    ['id; id'],
    ['$(id)'],
    ['--', '/bin/sh'],
  ];
  test.each(shells)('are no shell: %s', async (...given) => {
    await expect(p.run(max, 'launch_instance', { model: 'tiny', arguments: given })).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:argument_not_allowed|bad_argument_value|argument_owned)$/),
      field: 'arguments',
    });
  });
});

describe('what belongs to another member', () => {
  const theirs: [string, object, string][] = [
    ['get_model', { model: 'secret' }, 'model_not_found'],
    ['plan_launch', { model: 'secret' }, 'model_not_found'],
    ['launch_instance', { model: 'secret' }, 'model_not_found'],
    ['restart_instance', { instance: '2', model: 'secret' }, 'model_not_found'],
    ['delete_model', { model: 'secret' }, 'model_not_found'],
    ['prefetch_model', { model: 'secret' }, 'model_not_found'],
    ['get_instance', { instance: '1' }, 'instance_not_found'],
    ['get_instance_logs', { instance: '1' }, 'instance_not_found'],
    ['stop_instance', { instance: '1' }, 'instance_not_found'],
    ['delete_instance', { instance: '1' }, 'instance_not_found'],
    ['explain_policy', { operation: 'stop_instance', input: '{"instance":"1"}' }, 'instance_not_found'],
    ['explain_policy', { operation: 'delete_model', input: '{"model":"secret"}' }, 'model_not_found'],
  ];
  test.each(theirs)('%s %j tells no more than if it were not there', async (operation, input, code) => {
    await expect(p.run(max, operation, input)).rejects.toMatchObject({ code });
  });

  test('its name is taken, and that is all', async () => {
    const thrown: unknown = await p.run(max, 'register_model', { ...tiny, name: 'secret' }).catch((e: unknown) => e);
    expect(thrown).toMatchObject({ code: 'model_exists' });
    expect(String(thrown)).not.toMatch(/nfs|mia|private/);
  });
});

test('a request is not approved by who made it, with whatever identity', async () => {
  await p.run(max, 'restart_instance', { instance: '2' });
  for (const source of ['http', 'slack', 'mcp', 'cli'] as const) {
    await expect(p.run({ ...max, source }, 'approve_request', { approval: '1' })).rejects.toMatchObject({
      kind: expect.stringMatching(/^(?:refused|denied)$/),
    });
  }
  expect(await p.approval(1)).toMatchObject({ state: 'pending' });
});

const hostile = [
  'x'.repeat(1_000_000),
  '\u0000',
  '\u001b[2J',
  '../../etc/passwd',
  '__proto__',
  '${jndi:ldap://x}',
  "' or 1=1 --",
];

test.each(catalogue.map(({ name }) => name))(
  '%s answers hostile texts in every field with a named error',
  async (name) => {
    const operation = catalogue.find((each) => each.name === name);
    const fields = operation === undefined ? [] : inputFields(operation);
    for (const field of fields.filter(({ type }) => type === 'string' || type === 'list')) {
      for (const text of hostile) {
        const input = { ...operation?.examples[0], [field.name]: field.type === 'list' ? [text] : text };
        const outcome = await p.run(max, name, input).then(
          () => 'done',
          (thrown: unknown) => asEcolinkError(thrown, 'x').kind,
        );
        expect([field.name, text.slice(0, 20), outcome]).not.toContain('unexpected');
      }
    }
  },
);
