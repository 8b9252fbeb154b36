import { z } from 'zod';
import { describeError } from './error-codes.ts';
import type { ReasonCode } from './reason-codes.ts';
import { errorKindNames, errorKinds } from './error-kinds.ts';
import type { ErrorKind } from './error-kinds.ts';
import { mapText, plainSpeaker, plainWords, proseSchema, render } from './prose.ts';
import type { Prose, Speaker } from './prose.ts';
import { hideSecrets } from './secret-shapes.ts';
import { systemFailureOf } from './system-failure.ts';

/** What a front end shows of an error. It may show nothing else. */
export interface ErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  next_step: string;
  field?: string | undefined;
  valid_values?: string[] | undefined;
}

/** An error between EcoLink's own processes. Its texts keep their references, which each front end words itself. */
export const wireErrorSchema = z.object({
  code: z.string(),
  message: proseSchema,
  retryable: z.boolean(),
  next_step: proseSchema,
  field: z.string().optional(),
  valid_values: z.array(z.string()).optional(),
});
export type WireError = z.infer<typeof wireErrorSchema>;

export interface ErrorOptions {
  nextStep: Prose;
  field?: string | undefined;
  validValues?: readonly string[] | undefined;
  /** Overrules the kind of the code. */
  retryable?: boolean | undefined;
  /** When the same call may succeed. HTTP answers say it in `retry-after`. */
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

/** An error for people and programs: a code, a plain sentence, a next step. No secret is in its texts. Make it with `fail`. */
export class EcolinkError extends Error {
  override readonly name = 'EcolinkError';
  readonly kind: ErrorKind;
  readonly code: string;
  /** The message with its references. `message` has them in plain words. */
  readonly said: Prose;
  readonly nextStep: Prose;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly field: string | undefined;
  readonly validValues: readonly string[] | undefined;

  constructor(kind: ErrorKind, code: string, said: Prose, options: ErrorOptions) {
    const safe = mapText(said, hideSecrets);
    super(plainWords(safe), options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.said = safe;
    this.nextStep = mapText(options.nextStep, hideSecrets);
    this.retryable = options.retryable ?? errorKinds[kind].retryable;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.field = options.field;
    this.validValues = options.validValues;
  }

  get exitStatus(): number {
    return errorKinds[this.kind].exitStatus;
  }

  get httpStatus(): number {
    return describeError(this.code)?.httpStatus ?? errorKinds[this.kind].httpStatus;
  }

  /** The error in a front end's words. */
  toBody(speaker: Speaker = plainSpeaker): ErrorBody {
    const { said, nextStep, ...rest } = this.#fields();
    return { ...rest, message: render(said, speaker), next_step: render(nextStep, speaker) };
  }

  /** The error for another process of EcoLink. */
  toWire(): WireError {
    const { said, nextStep, ...rest } = this.#fields();
    return { ...rest, message: said, next_step: nextStep };
  }

  #fields() {
    const { code, retryable, field, said, nextStep, validValues } = this;
    return { code, retryable, said, nextStep, field, valid_values: validValues && [...validValues] };
  }
}

/** The error of a code. Its kind follows from the table of codes. A reason that keeps EcoLink from its work is `unavailable`. */
export function fail(code: ReasonCode, said: Prose, options: ErrorOptions): EcolinkError {
  return new EcolinkError(describeError(code)?.kind ?? 'unavailable', code, said, options);
}

/** Rebuilds the error that a server sent. A newer server may know codes that this process does not. */
export function errorFromWire(wire: WireError, httpStatus: number): EcolinkError {
  return new EcolinkError(kindOf(wire.code, httpStatus), wire.code, wire.message, {
    nextStep: wire.next_step,
    retryable: wire.retryable,
    field: wire.field,
    validValues: wire.valid_values,
  });
}

function kindOf(code: string, httpStatus: number): ErrorKind {
  const known = describeError(code);
  if (known) return known.kind;
  return errorKindNames.find((kind) => errorKinds[kind].httpStatus === httpStatus) ?? 'unexpected';
}

/** Turns anything that was thrown into an error that may be shown. The caller logs the cause under the reference. */
export function asEcolinkError(thrown: unknown, reference: string): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  const lack = systemFailureOf(thrown);
  if (lack) return fail(lack.code, lack.message, { nextStep: lack.nextStep, cause: thrown });
  return fail('unexpected', `Something went wrong inside EcoLink (reference ${reference}).`, {
    nextStep: `Try again. If it happens again, look for ${reference} in the server's log and open an issue with it.`,
    cause: thrown,
  });
}
