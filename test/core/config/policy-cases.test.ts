import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseConfigFile } from '../../../src/core/config/parse.ts';
import { runPolicyCases } from '../../../src/core/config/policy-cases.ts';
import { configFileSchema, regionSettings } from '../../../src/core/config/schema.ts';
import { operationsForRules } from '../../../src/core/operations/catalogue.ts';

const operations = operationsForRules();
const config = (text: string) => parseConfigFile(text, 'ecolink.yaml', configFileSchema(regionSettings, operations));
const root = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

const rules = `
regions: [{ name: eu, kind: local, accelerators: [{ name: h100 }] }]
people: [{ name: ada, role: approver, identities: ["slack:T1/ADA"] }]
policy:
  - { name: no h100, when: { accelerators: [h100] }, deny: Not here. }
  - { name: large, when: { gpus: 4 }, require: { approvers: { people: [ada] }, quorum: 1 } }
  - { name: late, when: { hours: { from: '18:00', to: '23:00' } }, deny: Too late. }
`;

const run = (cases: string) => runPolicyCases(cases, 'cases.yaml', config(rules), operations);
const one = (call: string, facts: string, expected: string) =>
  run(`cases:\n  - name: it\n    call: { ${call} }\n    facts: { ${facts} }\n    expect: { ${expected} }\n`)[0];

test('the example passes with the example configuration', async () => {
  const file = config(await readFile(root('ecolink.example.yaml'), 'utf8'));
  const cases = await readFile(root('policy-cases.example.yaml'), 'utf8');
  const results = runPolicyCases(cases, 'policy-cases.example.yaml', file, operations);
  expect(results.filter(({ passed }) => !passed)).toEqual([]);
  expect(results.length).toBeGreaterThanOrEqual(5);
});

const launch = 'operation: launch_instance';

describe('a case', () => {
  test.each([
    [launch, 'adds: true, gpus: 4', 'verdict: ask, rule: large, approvers: { people: [ada] }, quorum: 1'],
    ['operation: launch-instance', 'adds: true, accelerators: [h100]', 'verdict: deny, rule: no h100'],
    [`${launch}, agent: true`, 'adds: true', "verdict: ask, rule: 'default: an agent adds'"],
    [launch, 'adds: true', 'verdict: allow, rule: no rule applies'],
    [`${launch}, at: '2026-01-07T19:00:00Z'`, 'adds: true', 'verdict: deny, rule: late'],
    ['operation: delete_model, agent: true', 'adds: false', "verdict: ask, rule: 'default: an agent destroys'"],
    ['operation: scale_instance, agent: true', 'adds: false, destroys: false', 'verdict: allow'],
  ])('of {%s} with {%s} passes if it says {%s}', (call, facts, expected) => {
    expect(one(call, facts, expected)).toEqual({ name: 'it', passed: true, problems: [] });
  });

  test.each([
    ['adds: true, gpus: 4', 'verdict: allow', 'expected allow, and "large" says ask'],
    [
      'adds: true, gpus: 4',
      'verdict: ask, rule: no h100',
      '"no h100" does not fit: it does not use the accelerator h100',
    ],
    ['adds: true, gpus: 4', 'verdict: ask, quorum: 2', 'expected 2 approvals, and it needs 1'],
    [
      'adds: true, gpus: 4',
      'verdict: ask, approvers: { roles: [admin] }',
      'expected as approvers roles admin, and the rule names people ada',
    ],
    ['adds: true', 'verdict: allow, quorum: 1', 'nobody is asked, so nobody approves'],
  ])('with {%s} fails if it says {%s}, with the reason', (facts, expected, problem) => {
    const result = one(launch, facts, expected);
    expect(result).toMatchObject({ passed: false });
    expect(result?.problems).toContain(problem);
  });

  test.each([
    [
      'operation: lanch_instance',
      'adds: true',
      'verdict: ask',
      'line 3: cases.0.call.operation: there is no operation "lanch_instance". Did you mean "launch_instance"?',
    ],
    [
      launch,
      'adds: true, accelerators: [h10]',
      'verdict: ask',
      'line 4: cases.0.facts.accelerators.0: there is no accelerator "h10". Did you mean "h100"?',
    ],
    [
      launch,
      'adds: true, gpu: 1',
      'verdict: ask',
      'line 4: cases.0.facts: unknown setting "gpu". Did you mean "gpus"?',
    ],
    [
      launch,
      'adds: true',
      'verdict: ak',
      'line 5: cases.0.expect.verdict: expected one of "allow"|"ask"|"deny". Did you mean "ask"?',
    ],
    [
      launch,
      'adds: true',
      'verdict: ask, rule: larg',
      'line 5: cases.0.expect.rule: there is no rule "larg". Did you mean "large"?',
    ],
    [launch, 'gpus: 1', 'verdict: ask', 'line 4: cases.0.facts.adds: '],
    [
      'operation: scale_instance',
      'adds: false',
      'verdict: ask',
      'line 4: cases.0.facts.destroys: is needed: whether scale_instance takes something away depends on the call.',
    ],
  ])('of {%s} with {%s} and {%s} is refused with its line', (call, facts, expected, words) => {
    expect(() => one(call, facts, expected)).toThrow(words);
  });
});
