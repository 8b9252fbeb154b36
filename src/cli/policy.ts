import type { Command } from 'commander';
import { commandName, commandOperations } from './names.ts';
import { operationCommand } from './operation-command.ts';
import type { OperationRequest } from './operation-command.ts';
import type { Terminal } from './output/terminal.ts';
import { runOperation } from './run-operation.ts';
import { findOperation } from '../core/operations/catalogue.ts';
import type { Operation } from '../core/operation/operation.ts';

type Add = (parent: Command, name: string, hidden?: boolean) => Command;

/** `ecolink policy explain launch-instance tiny --replicas 2`: any operation as it would be typed, explained instead of run. */
export function addPolicyCommands(program: Command, add: Add, group: string, terminal: Terminal): void {
  const policy = add(program, 'policy').helpGroup(group);
  policy.summary('Explain the policy').description('Says what the policy in ecolink.yaml does.');
  const about = 'Show which rule answers an operation, and why';
  const explain = add(policy, 'explain').summary(about).description(`${about}. Nothing is asked for and nothing runs.`);
  for (const operation of commandOperations()) {
    // Answered too, but nobody has to look for them.
    const never = operation.effect === 'read' || operation.neverHeldBack === true;
    const command = operationCommand(operation, add(explain, commandName(operation.name), never), (request) =>
      runOperation(explained(request), terminal),
    );
    command.option('--as-agent', 'As if an agent of yours asked.');
  }
}

function explained({ operation, input, json, options }: OperationRequest): OperationRequest {
  const agent = options['asAgent'] === true;
  return {
    operation: findOperation('explain_policy') as Operation,
    input: { operation: operation.name, input: JSON.stringify(input), agent },
    json,
    wait: false,
    options,
  };
}
