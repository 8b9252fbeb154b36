import type { Core, Place, SlackWorkspace } from '../../core/core.ts';
import type { Bots } from '../connect/bots.ts';
import { accountOf } from '../workspace/people.ts';
import type { SlackUser } from '../workspace/people.ts';

/** Direct messages to an account. */
export function placeOf({ team, enterprise, user }: SlackUser): Place {
  return { team: enterprise ?? team ?? '', to: user };
}

/** Ids of channels begin with C, those of old private ones with G. */
export function isChannel(to: string): boolean {
  return /^[CG]/.test(to);
}

/** True for a channel or a direct message, false for an account. */
export function isConversation(to: string): boolean {
  return /^[CDG]/.test(to);
}

/** `T1/C1`, or `C1` in the app's only workspace, else in the workspace of somebody concerned. */
export function placeOfChannel({ home }: Pick<Bots, 'home'>, channel: string, other?: SlackWorkspace): Place {
  const [team, to] = channel.split('/', 2);
  if (team !== undefined && to !== undefined) return { team, to };
  const there = home ?? other;
  return { team: there?.enterprise ?? there?.team ?? '', to: channel };
}

/** Every account of a person, as places for one message. */
export async function placesOfPerson({ access }: Pick<Core, 'access'>, personId: string): Promise<Place[]> {
  return placesOfIdentities(await access.identitiesOf(personId));
}

export function placesOfIdentities(identities: readonly string[]): Place[] {
  return [...new Set(identities)].flatMap((identity) => {
    const account = accountOf(identity);
    return account ? [placeOf(account)] : [];
  });
}

/** A mention for people who have an account in a workspace or organisation. Others go by their names. */
export interface PersonNames {
  /** The account of the person there. */
  userOf(name: string): string | undefined;
}

export async function namesIn(
  { access }: Pick<Core, 'access'>,
  team: string,
  people: readonly string[],
): Promise<PersonNames> {
  const users = new Map<string, string>();
  for (const { id, name } of people.length === 0 ? [] : await access.membersOf({ people })) {
    const here = (await placesOfPerson({ access }, id)).find((place) => place.team === team);
    if (here) users.set(name, here.to);
  }
  return { userOf: (name) => users.get(name) };
}
