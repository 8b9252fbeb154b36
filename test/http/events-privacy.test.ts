import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inSlack } from '../support/callers.ts';
import { modelFolder, tiny } from '../support/model-folder.ts';
import { callerWithRole, onePersonOfEachRole } from '../support/people.ts';
import { startTestServer } from '../support/server.ts';
import { runPlainly } from '../support/plain.ts';

test('private things are created and deleted without an event for others, and public ones with one', async () => {
  await using folder = await modelFolder();
  await using server = await startTestServer({
    prepare: (dataDir) => writeFile(join(dataDir, 'ecolink.yaml'), onePersonOfEachRole + folder.config),
  });
  const owner = await callerWithRole(server.core, 'member');
  const tokenOf = async (user: string): Promise<string> => {
    const { person } = await inSlack(server.core, user);
    return (await server.core.access.createToken(person, 'events', ['read'])).token;
  };
  const listen = async (token: string) => {
    const answer = await server.fetch('/api/events', { headers: { authorization: `Bearer ${token}` } });
    return (answer.body ?? expect.fail('An event stream has a body.')).pipeThrough(new TextDecoderStream()).getReader();
  };
  const [viewer, own, admin] = [
    await listen(await tokenOf('VIEWER')),
    await listen(await tokenOf('MEMBER')),
    await listen(await tokenOf('ADMIN')),
  ];
  const changed: string[] = [];
  server.core.changes.subscribe(({ id }) => void changed.push(id));
  for (const [name, isPrivate] of [
    ['hush', true],
    ['open', false],
  ] as const) {
    await runPlainly(server.core, 'register_model', { ...tiny, name, private: isPrivate }, owner);
    await runPlainly(server.core, 'delete_model', { model: name }, owner);
  }
  const [hush, , open] = changed;
  // What is published for nobody that exists is for nobody. It marks the end.
  const readUntilSecond = async (reader: ReadableStreamDefaultReader<string>): Promise<string> => {
    let all = '';
    while (all.split(String(open)).length < 3) all += (await reader.read()).value ?? expect.fail('It ended early.');
    return all;
  };
  expect(await readUntilSecond(viewer)).not.toContain(hush);
  for (const reader of [own, admin]) expect((await readUntilSecond(reader)).split(String(hush))).toHaveLength(3);
});
