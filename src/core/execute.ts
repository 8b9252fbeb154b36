import { performance } from 'node:perf_hooks';
import { distance } from 'fastest-levenshtein';
import type { Access } from './access/access.ts';
import type { Caller } from './base/caller.ts';
import { authorise } from './operation/authorise.ts';
import type { Asked } from './approvals/ask.ts';
import type { Runner } from './approvals/run.ts';
import type { AuditEnd } from './audit/audit.ts';
import type { AuditGround } from './audit/event.ts';
import type { OperationContext, Services } from './operations/services.ts';
import type { ExecuteOptions } from './core.ts';
import { ruleText } from './policy/decide.ts';
import { asEcolinkError, fail } from './base/errors.ts';
import type { EcolinkError } from './base/errors.ts';
import { createLedger } from './operation/idempotency.ts';
import type { Ledger } from './operation/idempotency.ts';
import { randomId } from './base/ids.ts';
import { redact } from './base/secret-shapes.ts';
import type { Log } from './base/log.ts';
import { catalogue, findOperation } from './operations/catalogue.ts';
import type { Operation } from './operation/operation.ts';
import { parseInput } from './operation/parse-input.ts';
import type { Approval } from './approvals/table.ts';
import type { Store } from './store/store.ts';

interface Deps {
  access: Access;
  store: Store;
  services: Services;
  log: Log;
  now: () => Date;
}

type Outcome = Record<string, unknown>;

/**
 * The one way in: parse → authorise → policy → audit open → run → audit close. Throws EcolinkError and nothing else;
 * what was not foreseen is logged with its cause under the request's id and shown as one calm sentence.
 */
export function createExecute(deps: Deps) {
  return async (name: string, input: unknown, caller: Caller, options: ExecuteOptions = {}): Promise<Outcome> => {
    const requestId = options.requestId ?? randomId('req');
    const log = deps.log.child({
      request: requestId,
      operation: name,
      person: caller.person.name,
      source: caller.source,
    });
    const started = performance.now();
    try {
      const outcome = await run(deps, name, input, caller, { ...options, requestId });
      log.info({ duration_ms: since(started) }, 'operation done');
      return outcome;
    } catch (thrown) {
      const error = asEcolinkError(thrown, requestId);
      if (error.kind === 'unexpected') log.error({ err: error.cause ?? error }, 'operation failed unexpectedly');
      else log.info({ code: error.code, duration_ms: since(started) }, 'operation refused');
      throw error;
    }
  };
}

async function run(
  deps: Deps,
  name: string,
  input: unknown,
  asking: Caller,
  options: ExecuteOptions & { requestId: string },
): Promise<Outcome> {
  const operation = find(name);
  const caller = await authorise(operation, asking, deps.access);
  const parsed = parseInput(operation, input);
  const ledger = createLedger(deps.store, operation, parsed, caller, deps.now);
  const before = await ledger.replay();
  if (before) return present(deps.services, before);
  const ground: AuditGround = {};
  const note = (policy: string): void => void (ground.policy = policy);
  const asked: Asked = { operation, input: parsed, caller, requestId: options.requestId, note };
  const waiting = await deps.services.approvals.replay(asked);
  if (waiting) return present(deps.services, waiting);
  const context: OperationContext = {
    services: deps.services,
    caller,
    requestId: options.requestId,
    settle: ledger.settle,
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const handle = async (): Promise<Outcome> =>
    (await deps.services.approvals.ask(asked)) ?? runOnce(operation, parsed, context, ledger);
  if (operation.effect === 'read' && operation.audited !== true) return handle();
  return audited(deps, { operation, input: parsed, caller, request: options.requestId, ground }, handle);
}

/**
 * Runs what was approved, as its requester. The outcome is kept under the approval's own number, in the transaction of
 * the effect: a run that is repeated after a kill, or on another server, is a replay.
 */
export function createRunner(deps: Deps): Runner {
  const ledgerOf = (approval: Approval, caller: Pick<Caller, 'person'>): Ledger => {
    const input = { idempotency_key: String(approval.id), digest: approval.digest };
    return createLedger(deps.store, { name: 'approved_request' }, input, caller, deps.now);
  };
  return {
    replay: (approval) => ledgerOf(approval, { person: { ...approval.requester, role: 'viewer' } }).replay(),
    async run(approval, operation, input, asking, decisions) {
      const caller = await authorise(operation, asking, deps.access);
      const ledger = ledgerOf(approval, caller);
      const { services } = deps;
      const context = { services, caller, requestId: approval.request, settle: ledger.settle };
      const policy = ruleText({ answer: 'require', rule: approval.rule });
      const ground = { policy, approval: approval.id, decisions: JSON.stringify(decisions) };
      return audited(deps, { operation, input, caller, request: approval.request, ground }, () =>
        runOnce(operation, parseInput(operation, input), context, ledger),
      );
    },
  };
}

async function runOnce(
  operation: Operation,
  input: Outcome,
  context: OperationContext,
  ledger: Ledger,
): Promise<Outcome> {
  try {
    const output: Outcome = operation.output.parse(await operation.handler(input, context));
    await ledger.finish(output);
    return output;
  } catch (thrown) {
    // Two calls with one key ran at once and the other won: its outcome is this call's too.
    const won = await ledger.lostTo();
    if (won) return present(context.services, won);
    throw thrown;
  }
}

/** A replay answers with the present state of what the first call made. */
async function present({ registry, launches }: Services, outcome: Outcome): Promise<Outcome> {
  return launches.present(await registry.present(outcome));
}

interface Audited {
  operation: Operation;
  input: Outcome;
  caller: Caller;
  request: string;
  /** What is known of it by the time a row is written. */
  ground: AuditGround;
}

async function audited(
  { services, log }: Deps,
  { operation, input, caller, request, ground }: Audited,
  handle: () => Promise<Outcome>,
): Promise<Outcome> {
  const started = performance.now();
  const opened = await services.audit.open(caller, operation.name, JSON.stringify(input), request, ground);
  const close = (end: Pick<AuditEnd, 'outcome' | 'code' | 'approval'>): Promise<void> =>
    services.audit
      .close(opened, caller, operation.name, request, { ...ground, ...end, durationMs: since(started) })
      // What was done stays done: the row is closed as interrupted at the next start.
      .catch((thrown: unknown) => log.error({ err: thrown, request }, 'audit row could not be closed'));
  try {
    const outcome = await handle();
    const held = outcome['approval'] as { id: number } | undefined;
    await close({ outcome: 'done', ...(held ? { code: 'awaiting_approval', approval: held.id } : {}) });
    return outcome;
  } catch (thrown) {
    const error: EcolinkError = asEcolinkError(thrown, request);
    await close({ outcome: 'failed', code: error.code });
    throw thrown;
  }
}

function find(name: string): Operation {
  const operation = findOperation(name);
  if (operation) return operation;
  const names = catalogue.map((each) => each.name);
  const nearest = names.toSorted((a, b) => distance(a, name) - distance(b, name))[0] ?? '';
  throw fail(
    'operation_not_found',
    `There is no operation "${redact(name.slice(0, 64))}"; the nearest is "${nearest}".`,
    {
      nextStep: 'Use one of the operations that exist.',
      validValues: names,
    },
  );
}

function since(started: number): number {
  return Math.round(performance.now() - started);
}
