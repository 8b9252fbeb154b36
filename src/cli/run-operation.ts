import type { Call } from '../client/client.ts';
import { EcolinkError } from '../core/base/errors.ts';
import { plainSpeaker } from '../core/base/prose.ts';
import type { Operation } from '../core/operation/operation.ts';
import { parseInput } from '../core/operation/parse-input.ts';
import { renderOutput } from '../core/operation/render-output.ts';
import { operations } from '../core/operations/catalogue.ts';
import { chooseServer } from './choose-server.ts';
import { errorText } from './failure.ts';
import { followLogs } from './follow-logs.ts';
import type { OperationRequest } from './operation-command.ts';
import { jsonText } from './output/json.ts';
import { hintOf, render, renderNames } from './output/render.ts';
import type { Terminal } from './output/terminal.ts';
import { isRow, rowsOf } from './output/values.ts';
import type { Row } from './output/values.ts';
import { refuseAssistants, requireTerminal } from './require-person.ts';
import { waitForDecision } from './wait-decision.ts';
import { waitFor } from './wait.ts';
import { watch } from './watch.ts';

/** Runs what was typed and prints the answer. For several things, the others are done if one fails; then it throws. */
export async function runOperation(request: OperationRequest, terminal: Terminal): Promise<void> {
  const { operation, inputs } = request;
  // Before anything is contacted: bad input gets the same error with and without a server.
  for (const input of inputs) parseInput(operation, input);
  if (operation.decides) refuseAssistants();
  // Roles are also given by scripts that set up an installation.
  if (operation.decides && operation.name !== 'set_role') requireTerminal();
  await using server = await chooseServer(operation, terminal);
  let failure: EcolinkError | undefined;
  for (const input of inputs) {
    try {
      await runOne(request, input, server.call, terminal);
    } catch (thrown) {
      if (inputs.length === 1 || !(thrown instanceof EcolinkError)) throw thrown;
      if (failure) terminal.err(errorText(failure, operation, terminal.colours.err));
      failure = thrown;
    }
  }
  // The last failure is reported as that of a single one is.
  if (failure) throw failure;
}

async function runOne(request: OperationRequest, input: Row, call: Call, terminal: Terminal): Promise<void> {
  const { operation, json, wait } = request;
  if (request.follow) return followLogs(logsInput(input), call, terminal);
  if (request.watch)
    return watch(
      () => read(request, input, call),
      (output) => textOf(request, output, terminal),
      terminal,
    );
  const first = await read(request, input, call);
  const output = wait ? await decided(request, first, call, terminal) : first;
  const { instance } = output;
  if (!wait || operation.waitsFor === undefined || typeof instance !== 'number') return show(request, output, terminal);
  if (!json) terminal.err(textOf(request, output, terminal));
  const final = await waitFor(operation.waitsFor, instance, call, terminal);
  show({ ...request, operation: operations.get_instance }, final, terminal);
}

function logsInput(input: Row): Parameters<typeof followLogs>[0] {
  const { instance, region, lines } = parseInput(operations.get_instance_logs, input);
  return { instance, region, lines };
}

/** The output of the operation. With `all`, a list has the items of all pages. */
async function read({ operation, all }: OperationRequest, input: Row, call: Call): Promise<Row> {
  const first = await call(operation.name, input);
  if (!all) return first;
  const items = rowsOf(first['items']);
  let { next_cursor: cursor, ...rest } = first;
  while (cursor !== undefined) {
    const page = await call(operation.name, { ...input, cursor });
    items.push(...rowsOf(page['items']));
    cursor = page['next_cursor'];
  }
  return { ...rest, items };
}

function show(request: OperationRequest, output: Row, terminal: Terminal): void {
  const text = textOf(request, output, terminal);
  if (text !== '') terminal.out(text);
  const hint = request.json || request.quiet ? undefined : hintOf(request.operation, output);
  if (hint !== undefined) terminal.err(text === '' ? hint : `\n${hint}`);
}

function textOf({ operation, json, quiet }: OperationRequest, output: Row, terminal: Terminal): string {
  if (json) return jsonOf(operation, output);
  if (quiet) return renderNames(operation, output);
  return render(operation, output, { width: terminal.width, now: Date.now(), colours: terminal.colours.out });
}

function jsonOf(operation: Operation, output: Row): string {
  return jsonText(renderOutput(operation.output, output, plainSpeaker), 2);
}

/** The outcome of an operation that people had to approve first. If they had not, its own output. */
async function decided(request: OperationRequest, output: Row, call: Call, terminal: Terminal): Promise<Row> {
  const { approval } = output;
  if (!isRow(approval) || typeof approval['id'] !== 'number') return output;
  if (!request.json) terminal.err(textOf(request, output, terminal));
  const { instance, model, model_id, state, next_step } = await waitForDecision(approval['id'], call, terminal);
  return { instance, model, model_id, state, next_step };
}
