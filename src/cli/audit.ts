import type { Command } from 'commander';
import { fail } from '../core/base/errors.ts';
import type { OutputOf } from '../core/operations/catalogue.ts';
import { chooseServer } from './choose-server.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { jsonFlag, wantsJson } from './sub-command.ts';
import type { AddCommand } from './sub-command.ts';

/** `ecolink audit verify|export`, for auditors. `list-audit` filters and pages. */
export function addAuditCommands(program: Command, add: AddCommand, group: string, terminal: Terminal): void {
  const audit = add(program, 'audit').helpGroup(group);
  audit
    .summary('Verify and export the audit')
    .description('The rows of the audit are chained with a key outside the database. list-audit shows them.');
  add(audit, 'verify')
    .summary('Find rows that were changed, lost or cut off')
    .description('Reads every row. Status 0 if the chain holds, 5 if it does not.')
    .option('--replay', 'Also recompute every verdict of the policy.')
    .option(...jsonFlag)
    .action(({ replay }: { replay?: boolean }, command: Command) =>
      verify({ replay, json: wantsJson(command) }, terminal),
    );
  add(audit, 'export')
    .summary('Print every row as one line of JSON, oldest first')
    .description('Prints every row as one line of JSON, oldest first. A flag keeps only the rows that match it.')
    .option('--actor <person>', 'Only what this person asked for.')
    .option('--operation <name>', 'Only this operation.')
    .option('--since <time>', 'Only rows at or after this time (ISO 8601).')
    .action((filters: Filters) => exportRows(filters, terminal));
}

async function verify(
  { replay, json }: { replay?: boolean | undefined; json: boolean },
  terminal: Terminal,
): Promise<void> {
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const output = await server.call('verify_audit', { replay });
  if (json) terminal.out(jsonText(output));
  else if (output.holds) terminal.out(saidOf(output));
  if (output.holds) return;
  throw fail('audit_broken', `The audit does not hold. ${output.findings.join(' ')}`, {
    nextStep:
      'Find out who could write to the database. Compare it with a backup and with audit-heads.jsonl in the data folder.',
  });
}

function saidOf({ rows, replayed, not_replayable: older }: OutputOf<'verify_audit'>): string {
  const holds = `The audit holds: ${rows} rows, none changed, missing or cut off.`;
  if (replayed === undefined) return holds;
  return `${holds} Of ${replayed} verdicts none differs. ${older ?? 0} cannot be recomputed, because their facts or rules are not stored.`;
}

interface Filters {
  actor?: string;
  operation?: string;
  since?: string;
}

async function exportRows(filters: Filters, terminal: Terminal): Promise<void> {
  await using server = await chooseServer({ withoutServer: true }, terminal);
  const pages: OutputOf<'list_audit'>['items'][] = [];
  let cursor: string | undefined;
  do {
    const page = await server.call('list_audit', { ...filters, limit: 100, cursor });
    pages.push(page.items);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  for (const row of pages.flat().toReversed()) terminal.out(jsonText(row));
}
