import type { Operation } from '../../core/operation/operation.ts';
import { asNextStep, flagName, program } from '../names.ts';
import { plainText } from '../../core/base/format.ts';
import { details } from './details.ts';
import { table } from './table.ts';
import type { TableOptions } from './table.ts';
import type { Row } from './values.ts';

/** An operation's output for people. Which of the three shapes it has, its definition says. */
export function render(operation: Operation, output: Row, options: TableOptions): string {
  if ('items' in operation.output.shape) return list(operation, output, options);
  if ('next_step' in operation.output.shape) return receipt(output as Row & Receipt, options);
  return details(output, options);
}

function list(operation: Operation, output: Row, options: TableOptions): string {
  const rows = output['items'] as Row[];
  if (rows.length === 0) return empty(operation);
  const columns = operation.columns ?? Object.keys(rows[0] ?? {});
  const lines = [table(columns, rows, options)];
  const next = output['next_cursor'];
  if (typeof next === 'string') lines.push('', `More: add ${flagName('cursor')} ${plainText(next)}`);
  return lines.join('\n');
}

function empty(operation: Operation): string {
  const what = operation.title.replace(/^List /, '');
  const maker = emptyHints[operation.name];
  return `No ${what} to show.${maker === undefined ? '' : ` ${maker}`}`;
}

/** What makes something appear in a list. */
const emptyHints: Record<string, string> = {
  list_models: `Register one: ${program} register-model <name> --repo <owner/name>`,
  list_instances: `Launch a registered model: ${program} launch-instance <model>`,
  list_filesystems:
    'Name shared filesystems under "filesystems" in ecolink.yaml (ecolink.example.yaml shows how), or label their claims.',
  list_credentials: `Store one: ${program} credential add <name>`,
  list_cache: `Weights arrive with a launch, or ahead of it: ${program} prefetch-model <model>`,
};

interface Receipt {
  model?: string;
  credential?: string;
  person?: string;
  instance?: number;
  model_id?: string;
  state: string;
  next_step: string;
}

/** A mutation's receipt as a sentence, what else it says, and what to do now. */
function receipt(output: Row & Receipt, options: TableOptions): string {
  const { model: _m, instance: _i, model_id: _id, credential: _c, person: _p, ...more } = output;
  const { state, next_step: nextStep, ...rest } = more;
  const lines = [`${subject(output)}${plainText(state).replaceAll('_', ' ')}.`];
  if (Object.keys(rest).length > 0) lines.push(details(rest, options));
  lines.push(`next: ${asNextStep(plainText(nextStep))}`);
  return lines.filter((line) => line !== '').join('\n');
}

function subject({ model, instance, model_id: modelId, credential, person }: Receipt): string {
  if (instance !== undefined) return `Instance ${instance}${modelId === undefined ? '' : ` (${plainText(modelId)})`}: `;
  if (model !== undefined) return `Model ${plainText(model)}: `;
  if (credential !== undefined) return `Credential ${plainText(credential)}: `;
  return person === undefined ? '' : `${plainText(person)}: `;
}
