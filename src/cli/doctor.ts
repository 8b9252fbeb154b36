import { regionChecks } from './doctor-regions.ts';
import { checks } from './doctor-checks.ts';
import type { Check } from './doctor-checks.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';

const marks = { ok: 'ok', warning: 'note', failed: 'FIX' };

/** Looks at everything that EcoLink stands on. Answers with 1 where something must be fixed. */
export async function doctor(json: boolean, terminal: Terminal): Promise<number> {
  const results: Check[] = [];
  const note = (result: Check): void => {
    results.push(result);
    if (!json) terminal.out(line(result));
  };
  for (const check of checks) note(await check());
  for (const result of await regionChecks((text) => (json ? undefined : terminal.err(text)))) note(result);
  const failed = results.filter((each) => each.state === 'failed').length;
  if (json) terminal.out(jsonText({ checks: results }, 2));
  else
    terminal.out(
      failed === 0 ? '\nNothing must be fixed.' : `\n${failed} to fix: see the lines marked ${marks.failed}.`,
    );
  return failed === 0 ? 0 : 1;
}

function line({ name, state, said, fix }: Check): string {
  const first = `${marks[state].padEnd(6)}${name.padEnd(14)}${said}`;
  return fix === undefined ? first : `${first}\n${' '.repeat(20)}${fix}`;
}
