import type { Access } from './access/access.ts';
import { AnswerChanged } from './approvals/answer-changed.ts';
import { policyDenied } from './approvals/ask.ts';
import type { OperationCall } from './approvals/ask.ts';
import type { ApprovableOperations } from './approvals/dependencies.ts';
import type { PolicyQuestion } from './approvals/policy-input.ts';
import type { Runner } from './approvals/run.ts';
import type { Approval } from './approvals/table.ts';
import type { AuditEnd } from './audit/audit.ts';
import type { AuditGround } from './audit/event.ts';
import type { Caller } from './base/caller.ts';
import type { Clock } from './base/clock.ts';
import { asEcolinkError, fail } from './base/errors.ts';
import { digestOf } from './base/ids.ts';
import type { NewId } from './base/ids.ts';
import type { Log } from './base/log.ts';
import { nearest } from './base/nearest.ts';
import { redact } from './base/secret-shapes.ts';
import type { CallObserver, Execute, ExecuteOptions } from './core.ts';
import { authorise, authoriseAgain } from './operation/authorise.ts';
import { createLedger, ledgerOf } from './operation/idempotency.ts';
import type { Ledger, Replay } from './operation/idempotency.ts';
import type { PreparedMutation } from './operation/mutation.ts';
import { catalogue, definedOperation, findOperation, isOperationName } from './operations/catalogue.ts';
import type { InputOf, OperationName, OutputOf } from './operations/catalogue.ts';
import type { DefinedOperation, Mutation, MutationCall, OperationContext } from './operations/define.ts';
import type { Services } from './operations/services.ts';
import { ruleText } from './policy/decide.ts';
import type { Verdict } from './policy/verdict.ts';
import type { Store } from './store/store.ts';
import { inUnitOfWork } from './store/unit-of-work.ts';
import type { UnitOfWork } from './store/unit-of-work.ts';

export interface ExecuteDeps {
  access: Access;
  store: Store;
  services: Services;
  log: Log;
  clock: Clock;
  newId: NewId;
  observers: readonly CallObserver[];
}

type Outcome = Record<string, unknown>;

/**
 * The one way in: parse, authorise, prepare, policy, audit open, commit, audit close. Throws EcolinkError and nothing
 * else. An unforeseen error is logged with its cause under the request's id, and shown as one calm sentence.
 */
export function createExecute(deps: ExecuteDeps): Execute {
  function execute<N extends OperationName>(
    name: N,
    input: InputOf<N>,
    caller: Caller,
    options?: ExecuteOptions,
  ): Promise<OutputOf<N>>;
  function execute<S extends string>(
    name: string extends S ? S : never,
    input: unknown,
    caller: Caller,
    options?: ExecuteOptions,
  ): Promise<Outcome>;
  async function execute(name: string, input: unknown, caller: Caller, options: ExecuteOptions = {}): Promise<Outcome> {
    const requestId = options.requestId ?? deps.newId('req');
    const { person, source } = caller;
    const log = deps.log.child({ request: requestId, operation: name, person: person.name, source });
    const elapsed = stopwatch(deps.clock);
    const tell = (code: string): void => {
      // Names come from outside: only real ones become labels.
      for (const observe of deps.observers) observe(isOperationName(name) ? name : 'unknown', code, elapsed() / 1000);
    };
    try {
      const outcome = await run(deps, name, input, caller, { ...options, requestId });
      log.info({ duration_ms: elapsed() }, 'operation done');
      tell('done');
      return outcome;
    } catch (thrown) {
      const error = asEcolinkError(thrown, requestId);
      if (error.kind === 'unexpected') log.error({ err: error.cause ?? error }, 'operation failed unexpectedly');
      else log.info({ code: error.code, duration_ms: elapsed() }, 'operation refused');
      tell(error.code);
      throw error;
    }
  }
  return execute;
}

/** Milliseconds since it was made. */
function stopwatch(clock: Clock): () => number {
  const started = clock.elapsedMs();
  return () => Math.round(clock.elapsedMs() - started);
}

async function run(
  deps: ExecuteDeps,
  name: string,
  raw: unknown,
  sender: Caller,
  { signal, requestId }: ExecuteOptions & { requestId: string },
): Promise<Outcome> {
  const operation = operationNamed(name);
  const caller = await authorise(operation, sender, deps.access);
  const context: OperationContext = { services: deps.services, caller, signal };
  if (operation.effect === 'read') {
    const { input, first, answer } = operation.call(raw);
    const before = await first(context);
    const did = before && (await run(deps, before.operation, before.input, sender, { signal, requestId }));
    const handle = (): Promise<Outcome> => answer({ ...context, first: did });
    if (operation.audited !== true) return handle();
    const ground: AuditGround = { private: true };
    return audited(deps, { operation, input, caller, request: requestId, ground }, handle);
  }
  const parsed = operation.call(raw);
  const { input } = parsed;
  const ledger = ledgerOf(deps.store, operation.name, caller.person.id, input, () => deps.clock.now());
  const call: OperationCall = { operation, input, caller, requestId };
  const earlier = (await ledger.find()) ?? (await deps.services.approvals.replay(call));
  if (earlier) return repeated(operation, earlier, context);
  // Until a preview says that it is not.
  const ground: AuditGround = { private: true };
  return audited(deps, { operation, input, caller, request: requestId, ground }, () =>
    mutate(deps, { operation, parsed, call, context, ledger, ground }),
  );
}

/** The answer to a repeated call: what the first one did, as it is now, or the approval request that it made. */
async function repeated(
  operation: Mutation,
  earlier: Replay | { outcome: Outcome } | { receipt: Outcome },
  context: OperationContext,
): Promise<Outcome> {
  if ('committed' in earlier) return replay(operation, earlier, context);
  if ('receipt' in earlier) return asReplay(operation, operation.output.parse(earlier.receipt));
  const { outcome } = earlier;
  const answer = operation.isCommitted(outcome)
    ? await operation.respond(outcome, { ...context, replayed: true })
    : // A deletion that was interrupted has an outcome, but no record of what it committed.
      operation.output.parse(outcome);
  return asReplay(operation, answer);
}

async function replay(operation: Mutation, { committed, at }: Replay, context: OperationContext): Promise<Outcome> {
  return asReplay(operation, await operation.respond(committed, { ...context, replayed: true }), at);
}

/** The caller must not take an answer to an earlier call for a new change. */
function asReplay({ output }: Mutation, answer: Outcome, at?: string): Outcome {
  return 'replayed' in output.shape ? { ...answer, replayed: true, first_called_at: at } : answer;
}

interface MutationRun {
  operation: Mutation;
  parsed: MutationCall;
  call: OperationCall;
  context: OperationContext;
  ledger: Ledger;
  ground: AuditGround;
}

async function mutate(deps: ExecuteDeps, mutation: MutationRun): Promise<Outcome> {
  const { parsed, call, context } = mutation;
  const { approvals } = deps.services;
  const early = await approvals.askEarly(call);
  // A call that the policy denies anyway does not read the world.
  if (early.verdict?.answer.answer === 'deny') return settle(deps, mutation, early.verdict, undefined);
  const prepared = await parsed.prepare({ ...context, accepted: false });
  mutation.ground.private = prepared.preview.private ?? false;
  const question: PolicyQuestion = { ...early.question, preview: prepared.preview };
  return settle(deps, mutation, early.verdict ?? (await approvals.ask(question)), { prepared, question });
}

interface Previewed {
  prepared: PreparedMutation;
  question: PolicyQuestion;
}

/** Does what the policy says: commits, stores an approval request, or refuses. */
async function settle(
  deps: ExecuteDeps,
  mutation: MutationRun,
  verdict: Verdict,
  previewed: Previewed | undefined,
): Promise<Outcome> {
  const { operation, call, context, ledger } = mutation;
  const { approvals } = deps.services;
  const { answer } = verdict;
  noteVerdict(mutation, verdict);
  if (answer.answer === 'deny' || !previewed) throw policyDenied(call, answer);
  const { prepared, question } = previewed;
  try {
    if (answer.answer === 'require') {
      const required = { ...verdict, answer };
      return operation.output.parse(await approvals.request(call, question, required));
    }
    const again = async (unit: UnitOfWork): Promise<void> =>
      noteVerdict(mutation, await approvals.askAgain(question, verdict, unit));
    return await commitOnce(deps, operation, prepared, { ledger, context, again });
  } catch (thrown) {
    if (!(thrown instanceof AnswerChanged)) throw thrown;
    // As if the calls had come one after the other.
    return settle(deps, mutation, thrown.verdict, previewed);
  }
}

/** Keeps the verdict for the audit. */
function noteVerdict({ operation, ground }: Pick<MutationRun, 'operation' | 'ground'>, verdict: Verdict): void {
  if (operation.neverHeldBack) return;
  ground.policy = ruleText(verdict.answer);
  ground.verdict = verdict;
}

interface Commit {
  ledger: Ledger;
  context: OperationContext;
  /** Asks the policy again, inside the transaction. */
  again: (unit: UnitOfWork) => Promise<void>;
}

async function commitOnce(
  { store }: ExecuteDeps,
  operation: Mutation,
  prepared: PreparedMutation,
  { ledger, context, again }: Commit,
): Promise<Outcome> {
  const commit = async (unit: UnitOfWork): Promise<{ committed: object }> => {
    await again(unit);
    const committed = await prepared.commit(unit);
    await ledger.keep(unit.db, committed);
    return { committed };
  };
  const done = await inUnitOfWork(store, commit).catch(async (thrown: unknown) => {
    // Two calls with one key ran at once and the other one won: its outcome is this call's too.
    const won = await ledger.find();
    if (!won) throw thrown;
    return { won };
  });
  return 'won' in done
    ? replay(operation, done.won, context)
    : operation.respond(done.committed, { ...context, replayed: false });
}

/**
 * Runs approved requests as their requesters. The ledger stores what was committed under the number of the request, in
 * the transaction of the effect. A run that is repeated after a kill, or on another server, is a replay.
 */
export function createRunner(deps: ExecuteDeps): Runner {
  const { store, services, access } = deps;
  const ledgerFor = ({ id, digest, requester }: Approval): Ledger => {
    const key = {
      person: requester.id,
      operation: 'approved_request',
      key: String(id),
      inputHash: digestOf({ digest }),
    };
    return createLedger(store, key, () => deps.clock.now());
  };
  return {
    async replay(approval) {
      const found = await ledgerFor(approval).find();
      if (!found) return undefined;
      const { requester } = approval;
      const caller: Caller = { ...requester, person: { ...requester, role: 'viewer' }, mayDecide: false };
      return mutationNamed(approval.operation).respond(found.committed, { services, caller, replayed: true });
    },
    async run(approval, { operation: { name }, caller: requester, prepared, verdict, answerAgain }, decisions) {
      const operation = mutationNamed(name);
      const caller = await authoriseAgain(operation, requester, access);
      const policy = ruleText({ answer: 'require', rule: approval.rule });
      const ground: AuditGround = {
        policy,
        approval: approval.id,
        decisions: JSON.stringify(decisions),
        private: prepared.preview.private ?? false,
        verdict,
      };
      const { input } = prepared.preview;
      return audited(deps, { operation, input, caller, request: approval.request, ground }, () =>
        commitOnce(deps, operation, prepared, {
          ledger: ledgerFor(approval),
          context: { services, caller },
          again: async (unit) => {
            ground.verdict = await answerAgain(unit);
          },
        }),
      );
    },
  };
}

/** The operations, as approvals see them. */
export function approvableOperations(access: Access, services: () => Services): ApprovableOperations {
  return {
    find: findOperation,
    authorise: (operation, caller) => authoriseAgain(operation, caller, access),
    prepare: async (name, input, caller, accepted) =>
      mutationNamed(name).call(input).prepare({ services: services(), caller, accepted }),
  };
}

interface Audited {
  operation: DefinedOperation;
  input: Outcome;
  caller: Caller;
  request: string;
  /** What is known about policy and approval when a row is written. */
  ground: AuditGround;
}

/** Nothing runs if the audit row cannot be opened. A row that cannot be closed does not fail the call. */
async function audited(
  { services, log, clock }: ExecuteDeps,
  { operation, input, caller, request, ground }: Audited,
  handle: () => Promise<Outcome>,
): Promise<Outcome> {
  const elapsed = stopwatch(clock);
  const opened = await services.audit.open(caller, operation.name, JSON.stringify(input), request, ground);
  const close = (end: Pick<AuditEnd, 'outcome' | 'code' | 'approval'>): Promise<void> =>
    services.audit
      .close(opened, caller, operation.name, request, {
        ...ground,
        ...end,
        approval: end.approval ?? ground.approval,
        durationMs: elapsed(),
      })
      // The next start closes the row as interrupted.
      .catch((thrown: unknown) => log.error({ err: thrown, request }, 'audit row could not be closed'));
  try {
    const outcome = await handle();
    const approval = waitingApproval(outcome);
    await close({ outcome: 'done', code: approval === undefined ? undefined : 'awaiting_approval', approval });
    return outcome;
  } catch (thrown) {
    const code = thrown instanceof AnswerChanged ? 'policy_answer_changed' : asEcolinkError(thrown, request).code;
    await close({ outcome: 'failed', code });
    throw thrown;
  }
}

/** The number of the approval request, if the call waits for one. */
function waitingApproval({ approval }: Outcome): number | undefined {
  if (typeof approval !== 'object' || approval === null || !('id' in approval)) return undefined;
  return typeof approval.id === 'number' ? approval.id : undefined;
}

function operationNamed(name: string): DefinedOperation {
  const operation = definedOperation(name);
  if (operation) return operation;
  const names = catalogue.map((each) => each.name);
  const near = nearest(name, names);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw fail('operation_not_found', `There is no operation "${redact(name.slice(0, 64))}".${hint}`, {
    nextStep: 'Use one of the operations that exist.',
    validValues: names,
  });
}

function mutationNamed(name: string): Mutation {
  const operation = operationNamed(name);
  if (operation.effect !== 'read') return operation;
  throw new Error(`${name} only reads, so it cannot be approved.`);
}
