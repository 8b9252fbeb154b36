import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fail } from '../core/base/errors.ts';
import type { Config } from '../core/config/config.ts';
import { loadConfig } from '../core/config/load.ts';
import { runPolicyCases } from '../core/config/policy-cases.ts';
import { configFileSchema, regionSettings } from '../core/config/schema.ts';
import { operations, operationsForRules } from '../core/operations/catalogue.ts';
import { commandName, commandOperations, program as programName } from './names.ts';
import { operationCommand } from './operation-command.ts';
import type { OperationRequest } from './operation-command.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { runOperation } from './run-operation.ts';
import { jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

/** `ecolink policy explain launch-instance tiny --replicas 2`: explains any command instead of running it. */
export function addPolicyCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const policy = add(program, 'policy').helpGroup(group);
  policy.summary('Explain and test the policy').description('Explains what the policy in ecolink.yaml does, and tests it.');
  addTest(policy, add, terminal);
  const about = 'Show which rule answers an operation, and why';
  const explain = add(policy, 'explain').summary(about).description(`${about}. Nothing is asked for and nothing runs.`);
  for (const operation of commandOperations()) {
    // They are explained too, but the policy never holds them back: help leaves them out.
    const never = operation.effect === 'read' || operation.neverHeldBack === true;
    const command = operationCommand(operation, add(explain, commandName(operation.name), never), (request) =>
      runOperation(explained(request), terminal),
    );
    command.option('--as-agent', 'As if an agent of yours asked.');
  }
}

const casesExamples = `
Example:
  ${programName} policy test policy-cases.yaml`;

function addTest(policy: Command, add: AddCommand, terminal: Terminal): void {
  const about = 'Check examples of what the policy must allow, hold back and deny';
  add(policy, 'test')
    .summary(about)
    .description(`${about}. Reads ecolink.yaml and the file, and needs no server. Status 0 if all pass, 5 if one fails.`)
    .argument('<file>', 'YAML file with the cases. docs/policy.md explains it.')
    .option(...jsonFlag)
    .addHelpText('after', casesExamples)
    .action((path: string, _, command: Command) => testPolicy(path, wantsJson(command), terminal));
}

function testPolicy(path: string, json: boolean, terminal: Terminal): void {
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

/** The configuration, if every rule of its policy names operations that exist. */
export function loadConfigStrictly(): Config {
  return loadConfig(process.env, configFileSchema(regionSettings, operationsForRules()));
}

function explained({ operation, input, json, options }: OperationRequest): OperationRequest {
  const agent = options['asAgent'] === true;
  return {
    operation: operations.explain_policy,
    input: { operation: operation.name, input: JSON.stringify(input), agent },
    json,
    wait: false,
    options,
  };
}
