import type { Command } from 'commander';
import { fail } from '../core/base/errors.ts';
import { jsonText } from './output/json.ts';
import type { Row } from './output/values.ts';
import type { Terminal } from './output/terminal.ts';
import { reach } from './choose-server.ts';

type Add = (parent: Command, name: string) => Command;

/** `ecolink audit verify|export`: what an auditor types. `list-audit` filters and pages. */
export function addAuditCommands(program: Command, add: Add, group: string, terminal: Terminal): void {
  const audit = add(program, 'audit').helpGroup(group);
  audit
    .summary('Verify and export the audit')
    .description('The audit is chained with a key that lies outside the database; list-audit shows its rows.');
  add(audit, 'verify')
    .summary('Find rows that were changed, lost or cut off')
    .description('Reads every row. Status 0 where the chain holds, 5 where it does not.')
    .option('--json', 'Print exactly the output, as JSON, and nothing else.')
    .action((_, command: Command) => verify(wantsJson(command), terminal));
  add(audit, 'export')
    .summary('Print every row as one line of JSON, oldest first')
    .description('Prints every row as one line of JSON, oldest first; with a flag only those that fit.')
    .option('--actor <person>', 'Only what this person asked for.')
    .option('--operation <name>', 'Only this operation.')
    .option('--since <time>', 'Only rows at or after this time (ISO 8601).')
    .action((filters: Filters) => exportRows(filters, terminal));
}

function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

async function verify(json: boolean, terminal: Terminal): Promise<void> {
  await using reached = await reach({ withoutServer: true });
  const { call } = reached;
  const output = (await call('verify_audit', {})) as { holds: boolean; rows: number; findings: string[] };
  if (json) terminal.out(jsonText(output));
  else if (output.holds) terminal.out(`The audit holds: ${output.rows} rows, none changed, missing or cut off.`);
  if (output.holds) return;
  throw fail('audit_broken', `The audit does not hold. ${output.findings.join(' ')}`, {
    nextStep:
      'Find out who could write the database; compare with a backup and with audit-heads.jsonl in the data folder.',
  });
}

interface Filters {
  actor?: string;
  operation?: string;
  since?: string;
}

async function exportRows(filters: Filters, terminal: Terminal): Promise<void> {
  await using reached = await reach({ withoutServer: true });
  const { call } = reached;
  const pages: Row[][] = [];
  let cursor: unknown;
  do {
    const page = await call('list_audit', { ...filters, limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page['items'] as Row[]);
    cursor = page['next_cursor'];
  } while (cursor !== undefined);
  for (const row of pages.flat().toReversed()) terminal.out(jsonText(row));
}
