import { lockPerson } from '../access/people/table.ts';
import type { Caller } from '../base/caller.ts';
import { durationMs } from '../base/duration.ts';
import { fail } from '../base/errors.ts';
import { digestOf } from '../base/ids.ts';
import { run, say, fieldRef } from '../base/prose.ts';
import type { Operation } from '../operation/operation.ts';
import type { Needs, PolicyAnswer } from '../policy/decide.ts';
import { reachEarlyVerdict } from '../policy/verdict.ts';
import type { Verdict } from '../policy/verdict.ts';
import { inUnitOfWork } from '../store/unit-of-work.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import { answerAgain } from './answer-changed.ts';
import type { ApprovalDeps } from './dependencies.ts';
import { publish } from './dependencies.ts';
import { ableToVote, waysIn } from './assurance.ts';
import { eligibleFor } from './eligible.ts';
import { expireDue } from './expire.ts';
import { knownFacts, rulesNow, verdictOn } from './policy-input.ts';
import type { PolicyQuestion } from './policy-input.ts';
import { waitingReceipt } from './receipt.ts';
import { nextReminder } from './remind.ts';
import { findApproval, findByOpenKey, insertApproval, searchHeads } from './table.ts';

type Outcome = Record<string, unknown>;

/** A call of an operation, before the policy has answered. */
export interface OperationCall {
  operation: Operation;
  /** As it was sent, with the defaults. */
  input: Outcome;
  caller: Caller;
  requestId: string;
}

/** The policy's verdict from what is known without a preview. */
export interface EarlyVerdict {
  question: Omit<PolicyQuestion, 'preview'>;
  /** Undefined if it depends on a preview. */
  verdict: Verdict | undefined;
}

export async function askEarly(
  deps: ApprovalDeps,
  { operation, caller }: Pick<OperationCall, 'operation' | 'caller'>,
): Promise<EarlyVerdict> {
  const rules = operation.neverHeldBack ? [] : await rulesNow(deps);
  const known = knownFacts(operation, caller, deps.now());
  return { question: { rules, known, person: caller.person.id }, verdict: reachEarlyVerdict(rules, known) };
}

export function ask(deps: ApprovalDeps, question: PolicyQuestion): Promise<Verdict> {
  return verdictOn(deps, deps.store.db, question);
}

export function policyDenied({ operation }: OperationCall, answer: PolicyAnswer): Error {
  const reason = answer.answer === 'deny' ? answer.reason : '';
  return fail('policy_denied', `The policy denies ${operation.name}: ${reason}`, {
    nextStep: `The rule is "${answer.rule}" in ecolink.yaml. An admin can change it.`,
  });
}

/** A verdict that people must decide. */
export type RequiringVerdict = Verdict & { answer: PolicyAnswer & { answer: 'require' } };

/**
 * Stores an approval request, or joins the same open request of the same person. Returns the receipt for the caller.
 * Throws `too_few_approvers`, `too_many_requests`, `reason_missing`, and `AnswerChanged`.
 */
export async function request(
  deps: ApprovalDeps,
  call: OperationCall,
  question: PolicyQuestion,
  verdict: RequiringVerdict,
): Promise<Outcome> {
  const { operation, input, caller } = call;
  const { needs, rule } = verdict.answer;
  if (needs.reason_required && 'reason' in operation.input.shape && input['reason'] === undefined)
    throw reasonMissing(rule);
  await refuseTooFew(deps, needs, rule, caller);
  await expireDue(deps);
  const id = await inUnitOfWork(deps.store, (unit) => joinOrInsert(deps, call, question, verdict, unit));
  const stored = await findApproval(deps.store.db, id);
  if (!stored) throw new Error(`The approval request ${id} was stored, and cannot be found.`);
  return waitingReceipt(deps, stored);
}

async function joinOrInsert(
  deps: ApprovalDeps,
  { operation, input, caller, requestId }: OperationCall,
  question: PolicyQuestion,
  verdict: RequiringVerdict,
  unit: UnitOfWork,
): Promise<number> {
  const { preview } = question;
  const { needs, rule } = verdict.answer;
  const { db } = unit;
  const { person, identity, agent, source, scopes } = caller;
  // The lock makes parallel calls of one person wait for each other. Else they could pass the limit together.
  await lockPerson(db, person.id);
  const openKey = digestOf({ person: person.id, agent, operation: operation.name, input: preview.input });
  const joined = await findByOpenKey(db, openKey);
  if (joined) return joined.id;
  // Open requests count too, so another new request may change the answer to this one.
  await answerAgain(deps, question, verdict, unit);
  const limit = deps.rules().approvals.open_requests;
  const open = await searchHeads(db, { requester: person.id, states: ['pending'], limit });
  if (open.length >= limit) throw tooManyRequests(limit);
  const now = deps.now();
  const { idempotency_key: key } = input;
  const id = await insertApproval(db, {
    operation: operation.name,
    preview,
    digest: digestOf(preview.relied),
    needs,
    rule,
    request: requestId,
    requester: { id: person.id, identity, agent, source, scopes: [...scopes] },
    askedAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + durationMs(needs.ttl)).toISOString(),
    remindAt: nextReminder(needs, now, now),
    idempotencyKey: typeof key === 'string' ? key : undefined,
    inputHash: hashOfInput(input),
    openKey,
  });
  unit.afterCommit(() => publish(deps, id));
  return id;
}

/** The hash of the input without its idempotency key. */
export function hashOfInput({ idempotency_key: _key, ...rest }: Outcome): string {
  return digestOf(rest);
}

async function refuseTooFew(deps: ApprovalDeps, needs: Needs, rule: string, caller: Caller): Promise<void> {
  // Counts people too who may decide only after an escalation.
  const eligible = await ableToVote(deps, needs, await eligibleFor(deps, needs, caller.person.id, undefined));
  if (eligible.size >= needs.quorum) return;
  const admins = (await deps.access.membersOf({ roles: ['admin'] })).map(({ name }) => name);
  const approvals = needs.quorum === 1 ? 'approval' : 'approvals';
  const could = eligible.size === 0 ? 'nobody' : `only ${namesOf(eligible)}`;
  throw fail(
    'too_few_approvers',
    `The rule "${rule}" needs ${needs.quorum} ${approvals} by ${approversIn(needs)}${waysIn(needs)}. For ${caller.person.name}, ${could} could approve.`,
    {
      nextStep: `${admins.join(' or ') || 'Whoever runs the server'} can add approvers under "people", or change the rule under "policy", in ecolink.yaml.`,
    },
  );
}

/** The approvers as the rule names them, so that a wrong name shows. */
function approversIn({ approvers }: Needs): string {
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

function tooManyRequests(limit: number): Error {
  return fail('too_many_requests', `${limit} of your approval requests are open already.`, {
    nextStep: say`Wait for a decision, or cancel one with ${run('cancel_request')}. ${run('list_approvals')} shows them.`,
  });
}

function reasonMissing(rule: string): Error {
  return fail('reason_missing', `The rule "${rule}" needs a reason.`, {
    nextStep: say`Give ${fieldRef('reason')}. The approvers read it.`,
    field: 'reason',
  });
}
