import type { Caller } from '../../src/core/base/caller.ts';
import { atTerminal, inSlack } from '../support/callers.ts';
import { workspace } from '../support/local-slack.ts';
import { makePlace, tinyRepo } from './place.ts';
import type { Place, PlaceOptions } from './place.ts';

const { team, alice, stranger, channel } = workspace;

/** Alice approves; mel, the other user of the workspace, is a member and asks. */
export const config = {
  people: [
    { name: 'root', role: 'admin', identities: ['local'] },
    { name: 'alice', role: 'approver', identities: [`slack:${team}/${alice}`] },
    { name: 'mel', role: 'member', identities: [`slack:${team}/${stranger}`] },
  ],
  policy: [
    { name: 'launches', when: { operations: ['launch_instance'] }, require: { approvers: { roles: ['approver'] } } },
  ],
  slack: { channel },
};

export async function asking(options: PlaceOptions = {}): Promise<{ place: Place; mel: Caller; root: Caller }> {
  const place = await makePlace({ config, ...options });
  const { core } = place;
  const [mel, root] = await Promise.all([inSlack(core, stranger, team), atTerminal(core)]);
  await core.execute('register_model', { name: 'tiny', source: 'huggingface', repo: tinyRepo }, mel);
  return { place, mel, root };
}

export const shown = async ({ slack }: Place, index = 0): Promise<string> =>
  JSON.stringify((await slack.messages())[index]?.blocks ?? []);
