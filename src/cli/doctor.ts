import { plainText } from '../core/base/format.ts';
import { plainSpeaker, render } from '../core/base/prose.ts';
import type { Speaker } from '../core/base/prose.ts';
import { redact } from '../core/base/secret-shapes.ts';
import { checkRegions, checks } from './doctor-checks.ts';
import type { NamedResult } from './doctor-checks.ts';
import { jsonText } from './output/json.ts';
import type { Terminal } from './output/terminal.ts';
import { commandSpeaker } from './speaker.ts';

const marks = { ok: 'ok', warning: 'note', failed: 'FIX' };

/** Checks everything that EcoLink needs. Returns 1 if something must be fixed. */
export async function doctor(json: boolean, terminal: Terminal): Promise<number> {
  const results: NamedResult[] = [];
  const note = (result: NamedResult): void => {
    results.push(result);
    if (!json) terminal.out(line(result));
  };
  for (const check of checks) note(await check());
  for (const result of await checkRegions((text) => (json ? undefined : terminal.err(text)))) note(result);
  const failed = results.filter((each) => each.state === 'failed').length;
  if (json) terminal.out(jsonText({ checks: results.map((result) => spoken(result, plainSpeaker)) }, 2));
  else
    terminal.out(
      failed === 0 ? '\nNothing must be fixed.' : `\n${failed} to fix: see the lines marked ${marks.failed}.`,
    );
  return failed === 0 ? 0 : 1;
}

function spoken({ name, state, said, fix }: NamedResult, speaker: Speaker) {
  // Errors of drivers and addresses of proxies may hold passwords.
  const safe = (text: string): string => redact(plainText(text));
  return { name, state, said: safe(said), fix: fix === undefined ? undefined : safe(render(fix, speaker)) };
}

function line(result: NamedResult): string {
  const { name, state, said, fix } = spoken(result, commandSpeaker());
  const first = `${marks[state].padEnd(6)}${name.padEnd(14)}${said}`;
  return fix === undefined ? first : `${first}\n${' '.repeat(20)}${fix}`;
}
