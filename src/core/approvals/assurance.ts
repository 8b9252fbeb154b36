import { assuranceOf } from '../base/caller.ts';
import type { Assurance, Caller, Person } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { run, say } from '../base/prose.ts';
import type { Needs } from '../policy/decide.ts';
import type { ApprovalDeps } from './dependencies.ts';
import type { Approval } from './table.ts';

const places: Record<Assurance, string> = {
  terminal: "at the server's terminal",
  page: 'over HTTP without a token',
  slack: 'in Slack',
  token: 'with a token that may decide',
};

/** Where votes must be made, such as ` at the server's terminal`. Empty if everywhere. */
export function waysIn({ assurance }: Pick<Needs, 'assurance'>): string {
  if (assurance === undefined) return '';
  return assurance.length === 0 ? ', in a way that two rules exclude' : ` ${placesOf(assurance)}`;
}

function placesOf(assurance: readonly Assurance[]): string {
  return assurance.map((each) => places[each]).join(' or ');
}

/** True if a vote that was made like this counts. It is unknown how older votes were made. */
export function isAssured({ assurance }: Pick<Needs, 'assurance'>, made: Assurance | undefined): boolean {
  return assurance === undefined || (made !== undefined && assurance.includes(made));
}

/** Throws `assurance_missing` if the caller's vote would not count because of how it is made. */
export function refuseUnassured({ id, rule }: Approval, needs: Needs, caller: Caller): void {
  const made = assuranceOf(caller);
  if (isAssured(needs, made)) return;
  const { assurance = [] } = needs;
  throw fail('assurance_missing', `The rule "${rule}" does not count a vote that is made ${places[made]}.`, {
    nextStep:
      assurance.length === 0
        ? say`No vote counts for both the rule of the request and the rule of today. Deny it (${run('deny_request', { approval: id })}). The same call makes a new request.`
        : say`Decide ${placesOf(assurance)}: ${run('approve_request', { approval: id })}.`,
  });
}

/** Those of the people who have an account of the kind that the rule demands. */
export async function ableToVote(
  { access }: Pick<ApprovalDeps, 'access'>,
  { assurance }: Needs,
  people: ReadonlyMap<string, Person>,
): Promise<ReadonlyMap<string, Person>> {
  if (assurance === undefined) return people;
  const able = await Promise.all(
    [...people].map(async ([id, person]) => {
      const identities = await access.identitiesOf(id);
      return assurance.some((each) => hasAccountFor(each, identities)) ? [[id, person] as const] : [];
    }),
  );
  return new Map(able.flat());
}

function hasAccountFor(assurance: Assurance, identities: readonly string[]): boolean {
  switch (assurance) {
    case 'terminal':
      // Stored identities name the machine too.
      return identities.some((identity) => /^local(?::|$)/.test(identity));
    case 'slack':
      return identities.some((identity) => identity.startsWith('slack:'));
    default:
      return true;
  }
}
