import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { agentMarker, agentMarkers } from '../../src/core/config/agent-markers.ts';
import { runInTerminal } from './support/run-in-terminal.ts';
import { runProgram } from './support/run-program.ts';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

/** The person at the terminal approves the requests of an agent. */
const more = {
  people: [
    { name: 'root', role: 'admin', identities: ['local'] },
    { name: 'ada', role: 'approver', identities: ['slack:T1/ADA'] },
  ],
  policy: [
    {
      name: 'all launches',
      when: { operations: ['launch_instance'] },
      require: { approvers: { roles: ['admin'] }, requester_may_approve: true },
    },
  ],
};

let served: ServeChild;
let agent: (...argv: string[]) => ReturnType<ServeChild['run']>;
let agentsToken: { ECOLINK_TOKEN: string };
/** Runs a command in a pseudo-terminal. */
const person = (argv: readonly string[], more: Record<string, string> = {}) =>
  runInTerminal(argv, { ...served.environment, ...more });

beforeAll(async () => {
  served = await startServe();
  const config = join(served.dataDir, 'ecolink.yaml');
  const before = z.looseObject({}).parse(JSON.parse(await readFile(config, 'utf8')));
  await writeFile(config, JSON.stringify({ ...before, ...more }));
  const source = ['--filesystem', 'shared', '--subfolder', 'tiny', '--category', 'chat'];
  await served.run('register-model', 'tiny', ...source);
  const { stdout } = await served.run('token', 'create', 'helper', '--scope', 'operate', '--agent');
  agentsToken = { ECOLINK_TOKEN: stdout.trim() };
  agent = (...argv) => runProgram(argv, { ...served.environment, ...agentsToken });
});
afterAll(() => served[Symbol.asyncDispose]());

test('a command that needs approval says who decides and how, and ends with status 0', async () => {
  const held = await agent('launch-instance', 'tiny');
  expect(held).toMatchObject({ status: 0, stderr: '' });
  expect(held.stdout).toMatch(/^Model tiny: awaiting approval\./);
  expect(held.stdout).toContain('ecolink approve-request 1');
  expect((await served.run('list-approvals')).stdout).toMatch(/1 +pending +Launch tiny .* root +yes/);
});

test('an agent is told that it cannot decide', async () => {
  expect(await person(['approve-request', '1'], agentsToken)).toMatchObject({
    status: 4,
    output: expect.stringContaining('error[may_not_decide]'),
  });
});

const decisions = [
  ['approve-request', '1'],
  ['deny-request', '1', '--reason', 'no'],
  ['break-glass', '1', '--reason', 'down'],
];

test.each(decisions)('%s needs a terminal', async (...argv) => {
  expect(await served.run(...argv)).toMatchObject({
    status: 4,
    stderr: expect.stringContaining('error[person_needed]'),
  });
  expect((await served.run('list-approvals')).stdout).toMatch(/1 +pending/);
});

test.each(decisions)('%s refuses an assistant that has a terminal', async (...argv) => {
  const { status, output } = await person(argv, { CLAUDECODE: '1' });
  expect({ status, output }).toMatchObject({ status: 4, output: expect.stringContaining('CLAUDECODE is set') });
  expect((await served.run('list-approvals')).stdout).toMatch(/1 +pending/);
});

test.each(agentMarkers)('$variable is a marker of $program', ({ variable, program }) => {
  expect(agentMarker({ [variable]: '1' })?.program).toBe(program);
  expect(agentMarker({ [variable]: '' })).toBeUndefined();
});

test('--wait follows the request to its decision and the instance until it runs', async () => {
  const waiting = agent('launch-instance', 'tiny', '--context-length', '64', '--wait', '--json');
  await expect.poll(async () => (await person(['approve-request', '2'])).status, { timeout: 30_000 }).toBe(0);
  const { status, stdout, stderr } = await waiting;
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('by root') });
  expect(JSON.parse(stdout)).toMatchObject({ id: 1, state: 'running' });
});

test('--wait ends with status 7 and the reason if the request was denied', async () => {
  const waiting = agent('launch-instance', 'tiny', '--replicas', '2', '--wait');
  await expect
    .poll(async () => (await person(['deny-request', '3', '--reason', 'one is enough'])).status, { timeout: 30_000 })
    .toBe(0);
  expect(await waiting).toMatchObject({ status: 7, stderr: expect.stringContaining('denied by root: one is enough') });
});

test('policy explain takes any command as it is typed', async () => {
  const { status, stdout } = await served.run('policy', 'explain', 'launch-instance', 'tiny', '--replicas', '2');
  expect(status).toBe(0);
  expect(stdout).toMatch(/answer +require/);
  expect(stdout).toMatch(/rule +all launches/);
  expect((await served.run('policy', 'explain', 'list-models')).stdout).toMatch(
    /answer +allow\nrule +it never needs approval/,
  );
  expect((await served.run('policy', 'explain', '--help')).stdout).not.toContain('list-models');
  const json = await served.run('policy', 'explain', 'stop-instance', '1', '--as-agent', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ answer: 'require', rule: 'default: an agent destroys' });
});
