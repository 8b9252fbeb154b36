import type { z } from 'zod';
import { digestOf } from '../base/ids.ts';
import type { Caller } from '../base/caller.ts';
import type { PreparedMutation } from '../operation/mutation.ts';
import type { Operation } from '../operation/operation.ts';
import { parseInput } from '../operation/parse-input.ts';
import type { Preview } from '../operation/preview.ts';
import type { UnitOfWork } from '../store/unit-of-work.ts';
import type { Services } from './services.ts';

type AnyObject = z.ZodObject;
type Fields = Record<string, unknown>;

/** What a handler may use besides its input. */
export interface OperationContext {
  services: Services;
  caller: Caller;
  /** Aborted when the client disconnects. Ends waiting. */
  signal?: AbortSignal | undefined;
}

export interface PrepareContext extends OperationContext {
  /** True if the request was accepted before and is checked again: at a vote, or before the approved run. */
  accepted: boolean;
}

/** What `respond` may use. */
export interface RespondContext extends OperationContext {
  /** True if an earlier call with the same idempotency key committed. */
  replayed: boolean;
}

/** What a query may use. */
export interface QueryContext extends OperationContext {
  /** What the mutation answered that the query did first. */
  first?: Fields | undefined;
}

export interface Query<I extends AnyObject = AnyObject, O extends AnyObject = AnyObject> extends Operation<I, O> {
  effect: 'read';
  /** Checks the input. Throws `input` errors only. */
  call: (raw: unknown) => {
    input: Fields;
    /** The mutation that the call does first. It is authorised, held back and audited as a call of its own. */
    first: (context: OperationContext) => Promise<{ operation: string; input: Fields } | undefined>;
    answer: (context: QueryContext) => Promise<z.output<O>>;
  };
}

export interface Mutation<I extends AnyObject = AnyObject, O extends AnyObject = AnyObject> extends Operation<I, O> {
  effect: 'write' | 'destructive';
  /** Checks the input. Throws `input` errors only. */
  call: (raw: unknown) => MutationCall;
  /** True if an operation of this or an older version committed this value. */
  isCommitted(value: unknown): boolean;
  /** The answer, as of now, for what this call or an earlier one with the same key committed. */
  respond: (committed: unknown, context: RespondContext) => Promise<z.output<O>>;
}

export interface MutationCall {
  /** As sent, with the defaults. */
  input: Fields;
  prepare: (context: PrepareContext) => Promise<PreparedMutation>;
}

export type DefinedOperation = Query | Mutation;

interface Answers<I extends AnyObject, O extends AnyObject> {
  handler: (input: z.output<I>, context: QueryContext) => Promise<z.input<O>>;
  /** The mutation that this input does first, if any. The fields that ask for it are `notForTools`: a tool that reads only reads. */
  first?: (input: z.output<I>, context: OperationContext) => Promise<{ operation: string; input: Fields } | undefined>;
}

/** An operation that reads. */
export function defineQuery<I extends AnyObject, O extends AnyObject>(
  definition: Operation<I, O> & { effect: 'read' } & Answers<I, O>,
): Query<I, O> {
  const { handler, first, ...operation } = definition;
  return {
    ...operation,
    call(raw) {
      const input = parseInput(operation, raw);
      return {
        input,
        first: async (context) => first?.(input, context),
        answer: async (context) => operation.output.parse(await handler(input, context)),
      };
    },
  };
}

interface Steps<I extends AnyObject, O extends AnyObject, Prepared, Committed extends object> {
  /** Reads the world and throws if something is wrong. Changes nothing. Runs once for each call, vote and approved run. */
  prepare: (input: z.output<I>, context: PrepareContext) => Promise<Prepared>;
  /** What it would do, for approvers and for the policy. Pure. Without it, people see the input, and rules about facts do not fit. */
  preview?: (prepared: Prepared, input: z.output<I>) => Preview;
  /** What `commit` returns. The ledger keeps it for seven days, so values of older versions must fit. */
  committed: z.ZodType<Committed>;
  /** Writes. First checks in the transaction what another call may have changed since `prepare`. */
  commit: (prepared: Prepared, unit: UnitOfWork, context: OperationContext) => Promise<Committed>;
  /** Makes the answer, as of now. */
  respond: (committed: Committed, context: RespondContext) => Promise<z.input<O>>;
}

/** An operation that changes something. */
export function defineMutation<I extends AnyObject, O extends AnyObject, Prepared, Committed extends object>(
  definition: Operation<I, O> & { effect: 'write' | 'destructive' } & Steps<I, O, Prepared, Committed>,
): Mutation<I, O> {
  const { prepare, preview, committed, commit, respond, ...operation } = definition;
  return {
    ...operation,
    call(raw) {
      const input = parseInput(operation, raw);
      return {
        input,
        async prepare(context) {
          const prepared = await prepare(input, context);
          return {
            preview: withoutKey(preview?.(prepared, input) ?? inputPreview(operation.title, input)),
            commit: (unit) => commit(prepared, unit, context),
          };
        },
      };
    },
    isCommitted: (value) => committed.safeParse(value).success,
    respond: async (done, context) => operation.output.parse(await respond(committed.parse(done), context)),
  };
}

/** The idempotency key belongs to one call. People do not approve it. */
function withoutKey(preview: Preview): Preview {
  const { idempotency_key: _key, ...input } = preview.input;
  return { ...preview, input };
}

/** For operations whose input says everything. */
export function inputPreview(title: string, given: Fields): Preview {
  const { idempotency_key: _key, ...input } = given;
  const lines = Object.entries(input).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const relied = { 'the input': digestOf(input) };
  return { input, summary: [title, ...lines], relied, facts: { adds: false } };
}
