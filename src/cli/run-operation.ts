import { parseInput } from '../core/operation/parse-input.ts';
import type { OperationRequest } from './operation-command.ts';
import { render } from './output/render.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { details } from './output/details.ts';
import { reach } from './choose-server.ts';
import type { Call } from './choose-server.ts';
import { waitForDecision } from './wait-decision.ts';
import { waitFor, waitsFor } from './wait.ts';

/** Carries out what was typed and prints the answer. */
export async function runOperation(request: OperationRequest, terminal: Terminal): Promise<void> {
  const { operation, input } = request;
  // Before anything is contacted: bad input reads the same whether a server runs or not.
  parseInput(operation, input);
  await using reached = await reach(operation);
  const first = await reached.call(operation.name, input);
  const output = request.wait ? await decided(request, first, reached.call, terminal) : first;
  const options = { width: terminal.width, now: Date.now() };
  const goal = waitsFor(operation);
  const { instance } = output;
  if (request.wait && goal !== undefined && typeof instance === 'number') {
    if (!request.json) terminal.err(render(operation, output, options));
    const final = await waitFor(goal, instance, reached.call, terminal);
    terminal.out(request.json ? jsonText(final, 2) : details(final, options));
    return;
  }
  terminal.out(request.json ? jsonText(output, 2) : render(operation, output, options));
}

/** What came of an operation that people had to approve first; the output itself where they had not. */
async function decided(
  { operation, json }: OperationRequest,
  output: Record<string, unknown>,
  call: Call,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  const id = (output['approval'] as { id?: number } | undefined)?.id;
  if (id === undefined) return output;
  if (!json) terminal.err(render(operation, output, { width: terminal.width, now: Date.now() }));
  const { instance, model, model_id: modelId, state, next_step: nextStep } = await waitForDecision(id, call, terminal);
  const known = Object.entries({ model, instance, model_id: modelId }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), state, next_step: nextStep };
}
