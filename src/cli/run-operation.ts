import type { Call } from '../client/client.ts';
import { plainSpeaker } from '../core/base/prose.ts';
import type { Operation } from '../core/operation/operation.ts';
import { parseInput } from '../core/operation/parse-input.ts';
import { renderOutput } from '../core/operation/render-output.ts';
import { operations } from '../core/operations/catalogue.ts';
import { chooseServer } from './choose-server.ts';
import type { OperationRequest } from './operation-command.ts';
import { jsonText } from './output/json.ts';
import { render } from './output/render.ts';
import type { Terminal } from './output/terminal.ts';
import { isRow } from './output/values.ts';
import type { Row } from './output/values.ts';
import { requirePerson } from './require-person.ts';
import { waitForDecision } from './wait-decision.ts';
import { waitFor } from './wait.ts';

/** Runs what was typed and prints the answer. */
export async function runOperation(request: OperationRequest, terminal: Terminal): Promise<void> {
  const { operation, input, json, wait } = request;
  // Before anything is contacted: bad input gets the same error with and without a server.
  parseInput(operation, input);
  if (operation.decides) requirePerson();
  await using server = await chooseServer(operation);
  const first = await server.call(operation.name, input);
  const output = wait ? await decided(request, first, server.call, terminal) : first;
  const { instance } = output;
  if (!wait || operation.waitsFor === undefined || typeof instance !== 'number') {
    terminal.out(textOf(operation, output, json, terminal));
    return;
  }
  if (!json) terminal.err(textOf(operation, output, json, terminal));
  const final = await waitFor(operation.waitsFor, instance, server.call, terminal);
  terminal.out(textOf(operations.get_instance, final, json, terminal));
}

function textOf(operation: Operation, output: Row, json: boolean, terminal: Terminal): string {
  if (json) return jsonText(renderOutput(operation.output, output, plainSpeaker), 2);
  return render(operation, output, { width: terminal.width, now: Date.now() });
}

/** The outcome of an operation that people had to approve first. If they had not, its own output. */
async function decided(
  { operation, json }: OperationRequest,
  output: Row,
  call: Call,
  terminal: Terminal,
): Promise<Row> {
  const { approval } = output;
  if (!isRow(approval) || typeof approval['id'] !== 'number') return output;
  if (!json) terminal.err(textOf(operation, output, json, terminal));
  const { instance, model, model_id, state, next_step } = await waitForDecision(approval['id'], call, terminal);
  return { instance, model, model_id, state, next_step };
}
