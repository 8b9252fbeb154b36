import { createHmac } from 'node:crypto';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, test } from 'vitest';
import { deadUrl, sendJson, startEngine } from '../support/engine.ts';
import type { Engine } from '../support/engine.ts';
import { startTestServer } from '../support/server.ts';

const signingSecret = 'not-a-real-secret';

function slackEnvironment(apiUrl: string): Record<string, string> {
  return { SLACK_BOT_TOKEN: 'xoxb-test', SLACK_SIGNING_SECRET: signingSecret, SLACK_API_URL: `${apiUrl}/api/` };
}

/** The part of Slack's Web API that a start calls. */
function startSlackApi(answer: object): Promise<Engine> {
  return startEngine((response) => sendJson(response, answer));
}

function signed(body: string, secret: string): { method: string; headers: Record<string, string>; body: string } {
  const at = String(Math.trunc(Date.now() / 1000));
  const signature = createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'x-slack-request-timestamp': at,
    'x-slack-signature': `v0=${signature}`,
  };
  return { method: 'POST', headers, body };
}

test('at /mcp every caller is an assistant, whatever it claims', async () => {
  await using server = await startTestServer();
  const headers = { authorization: `Bearer ${server.localToken}`, 'ecolink-source': 'cli' };
  const client = new Client({ name: 'test', version: '0' });
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', server.url), { requestInit: { headers } }));
  const { tools } = await client.listTools();
  expect(tools.map((tool) => tool.name)).toContain('launch_instance');
  await client.callTool({ name: 'delete_model', arguments: { model: 'none' } });
  await client.close();
  const caller = await server.core.access.callerOfToken(server.localToken, 'http');
  const audit = await server.core.execute(
    'list_audit',
    { operation: 'delete_model' },
    caller ?? expect.fail('The local token is good.'),
  );
  expect(audit['items']).toMatchObject([
    { operation: 'delete_model', source: 'mcp', agent: true },
    { operation: 'delete_model', source: 'mcp', agent: true },
  ]);
  const text = await (await server.fetch('/metrics')).text();
  expect(text).toContain('ecolink_operations_total{operation="delete_model",outcome="model_not_found"} 1');
});

test("the path for Slack accepts only requests with Slack's signature", async () => {
  await using api = await startSlackApi({ ok: true, team_id: 'T1', bot_id: 'B1', user_id: 'U1' });
  await using server = await startTestServer({ environment: slackEnvironment(api.url) });
  const body = JSON.stringify({ type: 'url_verification', challenge: 'c' });
  const good = await fetch(`${server.url}/slack/events`, signed(body, signingSecret));
  expect([good.status, await good.text()]).toEqual([200, expect.stringContaining('c')]);
  expect((await fetch(`${server.url}/slack/events`, signed(body, 'a guess'))).status).toBe(401);
});

test('a token that Slack refuses stops the start, but an unreachable Slack does not', async () => {
  await using api = await startSlackApi({ ok: false, error: 'invalid_auth' });
  await expect(startTestServer({ environment: slackEnvironment(api.url) })).rejects.toMatchObject({
    code: 'slack_token_refused',
  });
  await using server = await startTestServer({ environment: slackEnvironment(await deadUrl()) });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${server.url}/slack/events`, { method: 'POST' })).status).toBe(401);
});
