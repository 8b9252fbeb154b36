import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestServer } from '../support/server.ts';

const people = (...names: string[]): string =>
  `people:\n${names.map((name) => `  - {name: ${name}, role: admin, identities: ["slack:T1/U${name.toUpperCase()}"]}`).join('\n')}\n`;

test('a person who is removed from the config is refused on every path, and others are not affected', async () => {
  const write = (dataDir: string, text: string): Promise<void> => writeFile(join(dataDir, 'ecolink.yaml'), text);
  await using server = await startTestServer({ prepare: (dataDir) => write(dataDir, people('Ada', 'Bob')) });
  const { access } = server.core;
  const tokenOf = async (name: string, agent: boolean): Promise<string> => {
    const person = (await access.personOfSlack('T1', `U${name.toUpperCase()}`)) ?? expect.fail('They are listed');
    return (await access.createToken(person, `${name}-${agent}`, ['call', 'operate'], { agent })).token;
  };
  const doors = ['/api/operations/list_models', '/v1/models', '/api/tokens', '/metrics', '/mcp', '/api/events'];
  const statuses = (token: string): Promise<number[]> =>
    Promise.all(
      doors.map(async (path) => {
        const method = path.startsWith('/api/operations') || path === '/mcp' ? 'POST' : 'GET';
        const body = method === 'POST' ? { body: '{}' } : {};
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const answer = await server.fetch(path, { method, headers, ...body });
        await answer.body?.cancel();
        return answer.status;
      }),
    );
  const [ada, bob, bobsAgent] = [await tokenOf('Ada', false), await tokenOf('Bob', false), await tokenOf('Bob', true)];
  for (const token of [ada, bob, bobsAgent]) expect(await statuses(token)).not.toContain(401);
  const before = await statuses(ada);
  await write(server.dataDir, people('Ada'));
  for (const token of [bob, bobsAgent]) expect(await statuses(token)).toEqual(doors.map(() => 401));
  expect(await statuses(ada)).toEqual(before);
});
