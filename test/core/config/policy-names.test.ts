import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfigFile } from '../../../src/core/config/parse.ts';
import { configFileSchema, regionSettings } from '../../../src/core/config/schema.ts';
import { operationsForRules } from '../../../src/core/operations/catalogue.ts';
import { startCore } from '../../support/core.ts';

const schema = configFileSchema(regionSettings, operationsForRules());

/** Line 1 to 5. The rules begin at line 6. */
const base = `regions: [{ name: eu-west, kind: local, accelerators: [{ name: h100 }] }]
people:
  - { name: ada, role: approver, identities: ["slack:T1/ADA"], groups: [ml-leads] }
groups: [{ name: ml-leads }]
policy:
`;

function complaint(text: string): string {
  try {
    parseConfigFile(text, 'ecolink.yaml', schema);
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : '';
  }
  return 'none';
}

const rule = (when: string, require = 'approvers: { roles: [admin] }'): string =>
  `${base}  - { name: ok, allow: true }\n  - when: { ${when} }\n    require: { ${require} }\n`;

describe('a name in a rule that does not exist', () => {
  test.each([
    [
      'operations: [launch_instance, lanch_instance]',
      'there is no operation "lanch_instance". Did you mean "launch_instance"?',
    ],
    ['operations: [launch-instanse]', 'there is no operation "launch-instanse". Did you mean "launch_instance"?'],
    ['regions: [eu-wets]', 'there is no region "eu-wets". Did you mean "eu-west"?'],
    ['regions: [mars]', 'there is no region "mars". Known: eu-west.'],
    ['accelerators: [h10]', 'there is no accelerator "h10". Did you mean "h100"?'],
    ['roles: [membr]', 'expected one of "viewer"|"member"|"approver"|"admin". Did you mean "member"?'],
    ['acelerators: [h100]', 'unknown setting "acelerators". Did you mean "accelerators"?'],
    ['operations: [list_models]', 'the policy is never asked about "list_models", so this rule would do nothing.'],
    [
      'operations: [approve_request]',
      'the policy is never asked about "approve_request", so this rule would do nothing.',
    ],
  ])('in %s is refused with its line and the nearest name', (when, words) => {
    expect(complaint(rule(when))).toMatch(/^ecolink\.yaml, line 7: /);
    expect(complaint(rule(when))).toContain(words);
  });

  test.each([
    ['approvers: { people: [aad] }', 'there is no person "aad". Did you mean "ada"?'],
    ['approvers: { groups: [ml-lead] }', 'there is no group "ml-lead". Did you mean "ml-leads"?'],
    [
      'approvers: { roles: [approver] }, escalate: { after: 1h, approvers: { groups: [ops] } }',
      'there is no group "ops". Known: ml-leads.',
    ],
    ['approvers: { roles: [approver] }, assurance: terminl', 'Did you mean "terminal"?'],
  ])('in %s is refused too', (require, words) => {
    expect(complaint(rule('agent: true', require))).toMatch(/^ecolink\.yaml, line 8: /);
    expect(complaint(rule('agent: true', require))).toContain(words);
  });

  test('among those who may break glass is refused too', () => {
    expect(complaint(`${base}  []\napprovals:\n  break_glass:\n    - adda\n`)).toContain(
      'line 9: approvals.break_glass.0: there is no person "adda". Did you mean "ada"?',
    );
  });
});

test.each([
  ['the account at the terminal', userInfo().username],
  ['somebody whom only Slack knows', 'T1/UMAX'],
  ['the same with the name that Slack shows', 'Max Example (T0123/U0456)'],
])('%s may be named', (_who, name) => {
  expect(complaint(rule('agent: true', `approvers: { people: ["${name}"] }`))).toBe('none');
});

test('names as the command line writes them fit', () => {
  expect(
    complaint(rule('operations: [launch-instance, scale_instance], regions: [eu-west], accelerators: [h100]')),
  ).toBe('none');
});

test('a server does not start with such a rule, and a running one keeps its last valid rules', async () => {
  const wrong = 'policy: [{ when: { operations: [lanch_instance] }, deny: No. }]';
  await expect(startCore({ reconcile: false, config: wrong })).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining('line 1: policy.0.when.operations.0: there is no operation "lanch_instance"'),
    nextStep: expect.stringContaining('Correct that line.'),
  });
  const right = 'policy: [{ when: { operations: [delete_model] }, deny: Kept. }]';
  await using place = await startCore({ reconcile: false, config: right });
  await writeFile(join(place.dataDir, 'ecolink.yaml'), wrong);
  await expect(place.run('delete_model', { model: 'any' })).rejects.toMatchObject({ code: 'policy_denied' });
});
