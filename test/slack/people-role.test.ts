import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSlack } from '../../src/slack/app.ts';
import type { Slack } from '../../src/slack/app.ts';
import { parseCommand } from '../../src/slack/blocks/command-text.ts';
import { withoutLocalSlack, workspace } from '../support/local-slack.ts';
import { answerTo } from './answer.ts';
import { makePlace } from './place.ts';
import type { Place } from './place.ts';

const { team, alice, stranger } = workspace;
const people = [
  { name: 'root', role: 'admin', identities: ['local'] },
  { name: 'alice', role: 'admin', identities: [`slack:${team}/${alice}`] },
];

describe.skipIf(withoutLocalSlack)('/ecolink role', () => {
  let place: Place;
  let app: Slack;

  beforeAll(async () => {
    place = await makePlace({ config: { people } });
    app = await startSlack(place.core);
  });
  afterAll(async () => {
    await app.close();
    await place[Symbol.asyncDispose]();
  });

  const roleOfStranger = async () => (await place.core.access.personOfSlack(team, stranger))?.role;

  test('gives a role to who is mentioned, who is told of it, and takes it back', async () => {
    expect(await answerTo(place, '/ecolink status', stranger)).toContain(
      'I do not know you yet. Ask root or alice for a role',
    );
    expect(await answerTo(place, `/ecolink role <@${stranger}|nobody> member`)).toContain(
      `*nobody (${team}/${stranger})*: \`member\``,
    );
    expect(await roleOfStranger()).toBe('member');
    const [told] = await place.slack.directMessages(stranger);
    expect(told?.text).toContain('alice gave you the role `member`');
    expect(await answerTo(place, '/ecolink status', stranger)).not.toContain('I do not know you yet');
    expect(await answerTo(place, '/ecolink people')).toContain(
      `*nobody (${team}/${stranger})*  \`member\`, from alice`,
    );
    expect(await answerTo(place, `/ecolink role <@${stranger}> member`)).toContain('has this role already');
    expect(await answerTo(place, '/ecolink role @nobody none')).toContain('`none`');
    expect(await roleOfStranger()).toBeUndefined();
    expect(await answerTo(place, '/ecolink status', stranger)).toContain('I do not know you yet');
  });

  test('says how it is typed, what is wrong, and that the config wins', async () => {
    for (const wrong of ['', ' @nobody'])
      expect(await answerTo(place, `/ecolink role${wrong}`)).toContain('/ecolink role @person');
    expect(await answerTo(place, `/ecolink role <@${stranger}> emperor`)).toContain('Valid: `viewer`');
    expect(await answerTo(place, '/ecolink role who viewer')).toContain('There is nobody named');
    expect(await answerTo(place, '/ecolink role root viewer')).toContain('from ecolink.yaml, which wins');
    expect(await answerTo(place, `/ecolink role <@${alice}|alice> none`)).toContain('Nobody changes their own role');
  });

  test('is for admins, who are named', async () => {
    await answerTo(place, `/ecolink role <@${stranger}|nobody> approver`);
    for (const command of ['role @root none', `role <@${stranger}> admin`, 'people']) {
      const answer = await answerTo(place, `/ecolink ${command}`, stranger);
      expect(answer).toContain('needs the role \\"admin\\"');
      expect(answer).toContain('Ask root or alice for the role. Admins give roles with `/ecolink role`');
    }
    expect(await roleOfStranger()).toBe('approver');
  });
});

test('what Slack marks in a command is put back, but for the people in it', () => {
  const rest = (text: string): string => parseCommand(text).rest;
  expect(rest('launch <http://bge.m3|bge.m3>')).toBe('bge.m3');
  expect(rest('launch <https://huggingface.co/a/b>')).toBe('https://huggingface.co/a/b');
  expect(rest('status <#C01GEN|general> a &amp;&lt;b&gt;')).toBe('#general a &<b>');
  expect(rest('role <@U01ALICE|alice> member')).toBe('<@U01ALICE|alice> member');
});
