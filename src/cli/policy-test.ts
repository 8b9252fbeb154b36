import { readFileSync } from 'node:fs';
import { fail } from '../core/base/errors.ts';
import { runPolicyCases } from '../core/config/policy-cases.ts';
import { operationsForRules } from '../core/operations/catalogue.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { loadConfigStrictly } from './strict-config.ts';

/** Checks the cases of a file with the rules of `ecolink.yaml`. Throws `policy_cases_failed` if one fails. */
export function testPolicy(path: string, json: boolean, terminal: Terminal): void {
  const results = runPolicyCases(readCases(path), path, loadConfigStrictly(), operationsForRules());
  const failed = results.filter(({ passed }) => !passed);
  if (json) terminal.out(jsonText({ passed: failed.length === 0, cases: results }));
  else for (const { name, passed, problems } of results) terminal.out(lineOf(name, passed, problems));
  if (failed.length === 0) {
    terminal.err(`All ${results.length} cases pass.`);
    return;
  }
  throw fail('policy_cases_failed', `${failed.length} of ${results.length} cases fail.`, {
    nextStep: 'Correct the rules under "policy" in ecolink.yaml, or what the case expects.',
  });
}

function lineOf(name: string, passed: boolean, problems: readonly string[]): string {
  return passed ? `ok    ${name}` : `FAIL  ${name}: ${problems.join('; ')}`;
}

function readCases(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail('bad_config', `The file ${path} cannot be read.`, {
      nextStep: 'Give the path of a YAML file with cases.',
      cause,
    });
  }
}
