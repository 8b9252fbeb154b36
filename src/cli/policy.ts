import type { Command } from 'commander';
import { operations } from '../core/operations/catalogue.ts';
import { commandName, commandOperations, program as programName } from './names.ts';
import { operationCommand } from './operation-command.ts';
import type { OperationRequest } from './operation-command.ts';
import type { Terminal } from './output/terminal.ts';
import { runOperation } from './run-operation.ts';
import { jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

/** `ecolink policy explain launch-instance tiny --replicas 2`: explains any command instead of running it. */
export function addPolicyCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const policy = add(program, 'policy').helpGroup(group);
  policy
    .summary('Explain and test the policy')
    .description('Explains what the policy in ecolink.yaml does, and tests it.');
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
    .description(
      `${about}. Reads ecolink.yaml and the file, and needs no server. Status 0 if all pass, 5 if one fails.`,
    )
    .argument('<file>', 'YAML file with the cases. docs/policy.md explains it.')
    .option(...jsonFlag)
    .addHelpText('after', casesExamples)
    .action(async (path: string, _, command: Command) => {
      const { testPolicy } = await import('./policy-test.ts');
      testPolicy(path, wantsJson(command), terminal);
    });
}

function explained(request: OperationRequest): OperationRequest {
  const { operation, options } = request;
  const agent = options['asAgent'] === true;
  const inputs = request.inputs.map((input) => ({ operation: operation.name, input: JSON.stringify(input), agent }));
  return { ...request, operation: operations.explain_policy, inputs, wait: false };
}
