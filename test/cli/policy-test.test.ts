import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from './support/run-program.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecolink-cases-'));
  await writeFile(
    join(folder, 'ecolink.yaml'),
    'policy: [{ name: no agents, when: { agent: true }, deny: People only. }]\n',
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function testPolicy(cases: string, ...flags: string[]) {
  await writeFile(join(folder, 'cases.yaml'), cases);
  const environment = { ECOLINK_DATA_DIR: join(folder, 'no-data'), ECOLINK_CONFIG: join(folder, 'ecolink.yaml') };
  return runProgram(['policy', 'test', join(folder, 'cases.yaml'), ...flags], environment);
}

const caseOf = (name: string, verdict: string): string =>
  `  - { name: ${name}, call: { operation: launch_instance, agent: true }, facts: { adds: true }, expect: { verdict: ${verdict} } }\n`;

test('cases are decided without a server: status 0 if all pass, 5 with the reason if one fails', async () => {
  expect(await testPolicy(`cases:\n${caseOf('held', 'deny')}`)).toMatchObject({ status: 0, stdout: 'ok    held\n' });
  expect(await testPolicy(`cases:\n${caseOf('held', 'deny')}${caseOf('free', 'allow')}`)).toMatchObject({
    status: 5,
    stdout: 'ok    held\nFAIL  free: expected allow, and "no agents" says deny\n',
    stderr: expect.stringContaining('error[policy_cases_failed]: 1 of 2 cases fail.'),
  });
  const { stdout, status } = await testPolicy(`cases:\n${caseOf('held', 'deny')}`, '--json');
  expect([status, JSON.parse(stdout)]).toEqual([
    0,
    { passed: true, cases: [{ name: 'held', passed: true, problems: [] }] },
  ]);
});

test('a mistake in the file is named with its line, and a missing file by its name', async () => {
  expect(await testPolicy('cases:\n  - nme: held\n')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/cases\.yaml, line 2: .*\n.*docs\/policy\.md/),
  });
  expect(await runProgram(['policy', 'test', join(folder, 'gone.yaml')], {})).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('gone.yaml cannot be read'),
  });
});
