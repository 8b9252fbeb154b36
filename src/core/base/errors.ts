/** Who must act, in one word. Exit status and HTTP status follow from it. */
export type ErrorKind =
  | 'input'
  | 'unauthenticated'
  | 'not_found'
  | 'refused'
  | 'conflict'
  | 'unavailable'
  | 'denied'
  | 'unexpected';

const kinds = {
  unexpected: { exitStatus: 1, httpStatus: 500, retryable: false },
  input: { exitStatus: 2, httpStatus: 400, retryable: false },
  not_found: { exitStatus: 3, httpStatus: 404, retryable: false },
  refused: { exitStatus: 4, httpStatus: 403, retryable: false },
  unauthenticated: { exitStatus: 4, httpStatus: 401, retryable: false },
  conflict: { exitStatus: 5, httpStatus: 409, retryable: false },
  unavailable: { exitStatus: 6, httpStatus: 503, retryable: true },
  denied: { exitStatus: 7, httpStatus: 403, retryable: false },
} satisfies Record<ErrorKind, { exitStatus: number; httpStatus: number; retryable: boolean }>;

/** What every front end shows of an error, and all it may show. */
export interface ErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  next_step: string;
  field?: string;
  valid_values?: string[];
}

export interface ErrorOptions {
  nextStep: string;
  field?: string;
  validValues?: readonly string[];
  retryable?: boolean;
  cause?: unknown;
}

/** An error that a user can meet: a code, a plain sentence, what to do next. */
export class EcolinkError extends Error {
  override readonly name = 'EcolinkError';
  readonly kind: ErrorKind;
  readonly code: string;
  readonly nextStep: string;
  readonly retryable: boolean;
  readonly field: string | undefined;
  readonly validValues: readonly string[] | undefined;

  constructor(kind: ErrorKind, code: string, message: string, options: ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.nextStep = options.nextStep;
    this.retryable = options.retryable ?? kinds[kind].retryable;
    this.field = options.field;
    this.validValues = options.validValues;
  }

  get exitStatus(): number {
    return kinds[this.kind].exitStatus;
  }

  get httpStatus(): number {
    return kinds[this.kind].httpStatus;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      next_step: this.nextStep,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.validValues === undefined ? {} : { valid_values: [...this.validValues] }),
    };
  }
}

/** Rebuilds the error that a server sent, so that a client exits and words it just as the server's own process would. */
export function errorFromBody(body: ErrorBody, httpStatus: number): EcolinkError {
  const kind = kindOfStatus(httpStatus);
  return new EcolinkError(kind, body.code, body.message, {
    nextStep: body.next_step,
    retryable: body.retryable,
    ...(body.field === undefined ? {} : { field: body.field }),
    ...(body.valid_values === undefined ? {} : { validValues: body.valid_values }),
  });
}

function kindOfStatus(httpStatus: number): ErrorKind {
  const found = (Object.keys(kinds) as ErrorKind[]).find((kind) => kinds[kind].httpStatus === httpStatus);
  return found ?? 'unexpected';
}

/** Whatever was thrown, as an error that may be shown; the caller logs the cause under the reference. */
export function asEcolinkError(thrown: unknown, reference: string): EcolinkError {
  if (thrown instanceof EcolinkError) return thrown;
  return new EcolinkError('unexpected', 'unexpected', `Something went wrong inside EcoLink (reference ${reference}).`, {
    nextStep: `Try once more; if it happens again, look for ${reference} in the server's log and open an issue with it.`,
    cause: thrown,
  });
}

export function inputError(code: string, message: string, options: ErrorOptions): EcolinkError {
  return new EcolinkError('input', code, message, options);
}

export function notFound(code: string, message: string, options: ErrorOptions): EcolinkError {
  return new EcolinkError('not_found', code, message, options);
}

export function refused(code: string, message: string, options: ErrorOptions): EcolinkError {
  return new EcolinkError('refused', code, message, options);
}

export function conflict(code: string, message: string, options: ErrorOptions): EcolinkError {
  return new EcolinkError('conflict', code, message, options);
}

export function unavailable(code: string, message: string, options: ErrorOptions): EcolinkError {
  return new EcolinkError('unavailable', code, message, options);
}
