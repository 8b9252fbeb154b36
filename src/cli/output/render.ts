import { render as renderText, run, say, task } from '../../core/base/prose.ts';
import type { Prose } from '../../core/base/prose.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { renderOutput } from '../../core/operation/render-output.ts';
import { flagName, program } from '../names.ts';
import { commandSpeaker } from '../speaker.ts';
import { details } from './details.ts';
import { table } from './table.ts';
import type { TableOptions } from './table.ts';
import { cell, rowsOf } from './values.ts';
import type { Row } from './values.ts';

/** An operation's output for people: a list, a receipt or an object, as its definition says. */
export function render(operation: Operation, output: Row, options: TableOptions): string {
  const rendered = renderOutput(operation.output, output, commandSpeaker(operation));
  if ('items' in operation.output.shape) return list(operation, rendered, options);
  if ('next_step' in operation.output.shape) return receipt(rendered, options);
  return details(rendered, options);
}

function list(operation: Operation, output: Row, options: TableOptions): string {
  const rows = rowsOf(output['items']);
  return rows.length === 0 ? '' : table(columnsOf(operation, rows), rows, options);
}

function columnsOf(operation: Operation, rows: readonly Row[]): readonly string[] {
  return operation.columns ?? Object.keys(rows[0] ?? {});
}

/** Only what names the items of a list, one a line: input for another command. */
export function renderNames(operation: Operation, output: Row): string {
  const rows = rowsOf(output['items']);
  const name = columnsOf(operation, rows)[0] ?? '';
  return rows.map((row) => cell(name, row[name], 0)).join('\n');
}

/** What a person may want to know beside a list. It goes to standard error. Undefined if there is nothing to say. */
export function hintOf(operation: Operation, output: Row): string | undefined {
  if (!('items' in operation.output.shape)) return undefined;
  if (rowsOf(output['items']).length === 0) {
    const hint = emptyHints[operation.name];
    return hint === undefined ? 'Nothing to show.' : `Nothing to show. ${renderText(hint, commandSpeaker())}`;
  }
  const next = output['next_cursor'];
  if (next === undefined) return undefined;
  return `There are more. See all with --all, or the next page with ${flagName('cursor')} ${cell('cursor', next, 0)}`;
}

/** How to get the first item of a list. */
const emptyHints: Record<string, Prose> = {
  list_models: `Register a model: ${program} register-model <name> --repo <owner/name>`,
  list_instances: `Launch a registered model: ${program} launch-instance <model>`,
  list_filesystems:
    'Name shared filesystems under "filesystems" in ecolink.yaml (ecolink.example.yaml shows how), or label their claims.',
  list_credentials: say`Store a token: ${task('add_credential')}`,
  list_cache: say`Weights arrive with a launch, or before it: ${run('prefetch_model')}`,
};

/** Fields of a receipt that its sentence and its next step say. */
const saidFields = new Set(['model', 'instance', 'model_id', 'credential', 'person', 'state', 'next_step']);

/** The receipt of a mutation: a sentence, its other fields, and what to do now. */
function receipt(output: Row, options: TableOptions): string {
  const others = Object.entries(output).filter(([name]) => !saidFields.has(name));
  const lines = [
    `${subject(output)}${said(output['state']).replaceAll('_', ' ')}.`,
    details(Object.fromEntries(others), options),
    `next: ${said(output['next_step'])}`,
  ];
  return lines.filter((line) => line !== '').join('\n');
}

function subject({ model, instance, model_id: modelId, credential, person }: Row): string {
  if (instance !== undefined)
    return `Instance ${said(instance)}${modelId === undefined ? '' : ` (${said(modelId)})`}: `;
  if (model !== undefined) return `Model ${said(model)}: `;
  if (credential !== undefined) return `Credential ${said(credential)}: `;
  return person === undefined ? '' : `${said(person)}: `;
}

function said(value: unknown): string {
  return cell('', value, 0);
}
