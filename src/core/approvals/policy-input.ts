import type { Caller } from '../base/caller.ts';
import { digestOf } from '../base/ids.ts';
import type { Operation } from '../operation/operation.ts';
import { policyFacts } from '../policy/facts.ts';
import type { KnownFacts, PolicyFacts } from '../policy/facts.ts';
import { rulesOf } from '../policy/rules.ts';
import type { NamedRule } from '../policy/decide.ts';
import { holdingsOf } from './usage.ts';
import { isAlone } from './dependencies.ts';
import type { ApprovalDeps } from './dependencies.ts';
import type { Preview } from '../operation/preview.ts';

type Input = Record<string, unknown>;

export async function rulesNow(deps: Pick<ApprovalDeps, 'access' | 'rules'>): Promise<NamedRule[]> {
  return rulesOf(deps.rules(), await isAlone(deps));
}

export function knownFacts(operation: Operation, caller: Caller, askedAt: Date): KnownFacts {
  return {
    operation: operation.name,
    role: caller.person.role,
    agent: caller.agent,
    destroys: operation.effect === 'destructive',
    askedAt,
  };
}

/** What the operation would do for this caller. Without a preview of its own, its input is all there is to say. */
export async function makePreview(
  deps: Pick<ApprovalDeps, 'previewing'>,
  operation: Operation,
  input: Input,
  caller: Caller,
  again: boolean,
): Promise<Preview> {
  if (operation.preview) {
    const made = await operation.preview(input, { services: deps.previewing(), caller, again });
    const { idempotency_key: _key, ...frozen } = made.input;
    return { ...made, input: frozen };
  }
  const { idempotency_key: _key, ...frozen } = input;
  const lines = Object.entries(frozen).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return {
    input: frozen,
    summary: [operation.title, ...lines],
    relied: { 'the input': digestOf(frozen).slice(0, 16) },
    facts: { adds: false },
  };
}

/** What the policy looks at: the preview, with what the requester holds and waits for besides. */
export async function factsOf(
  deps: Pick<ApprovalDeps, 'store' | 'previewing'>,
  known: KnownFacts,
  preview: Preview,
  person: string,
  except?: number,
): Promise<PolicyFacts> {
  const held = await holdingsOf({ store: deps.store, fleet: deps.previewing().fleet }, person, except);
  return policyFacts(known, preview.facts, held);
}
