import type { Caller } from '../base/caller.ts';
import { fail } from '../base/errors.ts';
import { digestOf } from '../base/ids.ts';
import type { Operation } from '../operation/operation.ts';
import { decide, decideWithoutPreview, ruleText } from '../policy/decide.ts';
import type { Needs, PolicyAnswer } from '../policy/decide.ts';
import { durationMs } from '../base/duration.ts';
import { findApproval, findByOpenKey, insertApproval, searchApprovals } from './table.ts';
import type { Approval } from './table.ts';
import { eligibleFor } from './eligible.ts';
import { expireDue } from './expire.ts';
import { heldReceipt } from './receipt.ts';
import { publish } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import type { Preview } from '../operation/preview.ts';
import { nextReminder } from './remind.ts';
import { factsOf, knownFacts, makePreview, rulesNow } from './policy-input.ts';

type Outcome = Record<string, unknown>;

export interface Asked {
  operation: Operation;
  /** Parsed, as it was sent. */
  input: Outcome;
  caller: Caller;
  requestId: string;
  /** Told what the policy answers, for the record. */
  note: (policy: string) => void;
}

/**
 * What the policy says to a mutation: undefined lets it run now; else the request waits, and this is what the caller
 * gets. Throws `policy_denied`, `too_few_approvers`, `too_many_requests`, `reason_missing`.
 */
export async function ask(deps: ApprovalDeps, asked: Asked): Promise<Outcome | undefined> {
  const { operation, caller } = asked;
  if (operation.effect === 'read' || operation.neverHeldBack) return undefined;
  const rules = await rulesNow(deps);
  const known = knownFacts(operation, caller, deps.now());
  const atOnce = decideWithoutPreview(rules, known);
  if (atOnce) return settled(asked, atOnce);
  const preview = await makePreview(deps, operation, asked.input, caller, false);
  const answer = decide(rules, await factsOf(deps, known, preview, caller.person.id));
  if (answer.answer !== 'require') return settled(asked, answer);
  asked.note(ruleText(answer));
  return request(deps, asked, preview, answer);
}

function settled({ operation, note }: Asked, answer: PolicyAnswer): undefined {
  note(ruleText(answer));
  if (answer.answer !== 'deny') return undefined;
  throw fail('policy_denied', `The policy denies ${operation.name}: ${answer.reason}`, {
    nextStep: `The rule is "${answer.rule}" in ecolink.yaml; an admin can change it.`,
  });
}

async function request(
  deps: ApprovalDeps,
  asked: Asked,
  preview: Preview,
  { needs, rule }: { needs: Needs; rule: string },
): Promise<Outcome> {
  const { operation, input, caller, requestId } = asked;
  if (needs.reason_required && 'reason' in operation.input.shape && input['reason'] === undefined)
    throw reasonMissing(rule);
  await refuseTooFew(deps, needs, rule, caller);
  await expireDue(deps);
  const { person, identity, agent, source, scopes } = caller;
  const openKey = digestOf({ person: person.id, agent, operation: operation.name, input: preview.input });
  const joined = await findByOpenKey(deps.store.db, openKey);
  if (joined) return heldReceipt(deps, joined);
  await refuseTooMany(deps, person.id);
  const now = deps.now();
  const id = await insertApproval(deps.store.db, {
    operation: operation.name,
    preview,
    digest: digestOf(preview.relied).slice(0, 16),
    needs,
    rule,
    request: requestId,
    requester: { id: person.id, identity, agent, source, scopes: [...scopes] },
    askedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + durationMs(needs.ttl)).toISOString(),
    remindAt: nextReminder(needs, now, now),
    idempotencyKey: input['idempotency_key'] as string | undefined,
    inputHash: hashOfInput(input),
    openKey,
  });
  // Another asked the same at the same moment, and was first: this call joins it, unless it was decided meanwhile.
  if (id === undefined) return request(deps, asked, preview, { needs, rule });
  publish(deps, id);
  return heldReceipt(deps, (await findApproval(deps.store.db, id)) as Approval);
}

/** Of the input as it was sent, but for the key itself. */
export function hashOfInput({ idempotency_key: _key, ...rest }: Outcome): string {
  return digestOf(rest);
}

async function refuseTooFew(deps: ApprovalDeps, needs: Needs, rule: string, caller: Caller): Promise<void> {
  // Whoever may decide only later can approve it too.
  const eligible = await eligibleFor(deps, needs, caller.person.id, undefined);
  if (eligible.size >= needs.quorum) return;
  const admins = (await deps.access.membersOf({ roles: ['admin'] })).map(({ name }) => name);
  throw fail(
    'too_few_approvers',
    `The rule "${rule}" wants ${needs.quorum} ${needs.quorum === 1 ? 'approval' : 'approvals'} by ${whomOf(needs)}, and ${eligible.size === 0 ? 'nobody' : `only ${namesOf(eligible)}`} could give one for ${caller.person.name}.`,
    {
      nextStep: `${admins.join(' or ') || 'Whoever runs the server'} can add approvers under "people", or change the rule under "policy", in ecolink.yaml.`,
    },
  );
}

/** Whom a rule names, as it names them: a name that is nobody's is seen here. */
function whomOf({ approvers }: Needs): string {
  const named = approvers.flatMap(({ people = [], groups = [], roles = [] }) => [
    ...people,
    ...groups.map((group) => `the group ${group}`),
    ...roles.map((role) => `the role ${role}`),
  ]);
  return named.join(' or ');
}

function namesOf(eligible: ReadonlyMap<string, { name: string }>): string {
  return [...eligible.values()].map(({ name }) => name).join(', ');
}

async function refuseTooMany(deps: ApprovalDeps, person: string): Promise<void> {
  const limit = deps.rules().approvals.open_requests;
  const open = await searchApprovals(deps.store.db, { requester: person, states: ['pending'], limit });
  if (open.length < limit) return;
  throw fail('too_many_requests', `${limit} of your requests wait for approval already.`, {
    nextStep: 'Wait for a decision, or cancel one: list_approvals shows them, cancel_request cancels one.',
  });
}

function reasonMissing(rule: string): Error {
  return fail('reason_missing', `The rule "${rule}" wants a reason.`, {
    nextStep: 'Give "reason": the approvers read it.',
    field: 'reason',
  });
}
