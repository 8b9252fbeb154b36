import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServe } from './support/serve.ts';
import type { ServeChild } from './support/serve.ts';

let served: ServeChild;
beforeAll(async () => {
  // Slack does not answer, but it is turned on.
  const slack = { SLACK_BOT_TOKEN: 'xoxb-1-test', SLACK_SIGNING_SECRET: 'x', SLACK_API_URL: 'http://127.0.0.1:9/api/' };
  served = await startServe(slack);
});
afterAll(() => served[Symbol.asyncDispose]());

test('serve prints a code for the first admin in Slack', async () => {
  await expect.poll(served.printed).toMatch(/\n {2}\/ecolink claim (?:[0-9a-z]{4}-){2}[0-9a-z]{4}\n/);
});

test('token create says what kind of token it made, and token list shows it', async () => {
  const agent = await served.run('token', 'create', 'helper', '--scope', 'operate', '--agent');
  expect(agent).toMatchObject({ status: 0, stdout: expect.stringMatching(/^eco_\S+\n$/) });
  expect(agent.stderr).toContain('(operate, an agent)');
  const decides = await served.run('token', 'create', 'decides', '--may-decide', '--json');
  expect(JSON.parse(decides.stdout)).toMatchObject({ summary: { scopes: ['call'], agent: false, may_decide: true } });
  const short = await served.run('token', 'create', 'short', '--expires-in', '8h');
  expect(short.stderr).toMatch(/, valid until \d{4}-\d\d-\d\dT/);
  const forever = await served.run('token', 'create', 'forever', '--expires-in', '9999d');
  expect([forever.status, forever.stderr]).toEqual([2, expect.stringContaining('A token is valid for 366d at most.')]);
  expect((await served.run('token', 'list')).stdout).toMatch(
    /^ID +NAME +PERSON +SCOPES +AGENT +MAY DECIDE +CREATED +EXPIRES +MADE BY/,
  );
});

test('a token cannot be an agent and decide, and its name is checked', async () => {
  const both = await served.run('token', 'create', 'both', '--agent', '--may-decide');
  expect([both.status, both.stdout]).toEqual([2, '']);
  expect(both.stderr).toContain('an assistant asks, and a person decides');
  expect(await served.run('token', 'create', 'a b')).toMatchObject({ status: 2, stdout: '' });
});
