import type { Core } from '../../core/core.ts';
import { identityOf } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';
import { code, escape, section } from '../blocks/text.ts';
import type { SlackMessage } from '../blocks/text.ts';

/** `/ecolink claim <code>`, also for somebody without a role. Throws `claim_refused`, `claim_overruled`. */
export async function claimMessage(core: Core, who: SlackUser, name: string, typed: string): Promise<SlackMessage> {
  if (typed === '')
    return plain(`Type the code that the server printed when it started: ${code('/ecolink claim <code>')}`);
  const { user } = who;
  const person = await core.claims.claim(typed, { team: who.enterprise ?? who.team ?? '', user, name });
  return plain(
    `You are admin now, as ${escape(person.name)}. Put yourself under \`people\` in ecolink.yaml, with ${code(identityOf(who))} and your other identities, so that EcoLink knows you as one person everywhere.`,
  );
}

function plain(text: string): SlackMessage {
  return { text, blocks: [section(text)] };
}
