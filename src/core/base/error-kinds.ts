export const errorKindNames = [
  'unexpected',
  'input',
  'not_found',
  'refused',
  'unauthenticated',
  'conflict',
  'unavailable',
  'denied',
] as const;
export type ErrorKind = (typeof errorKindNames)[number];

interface KindDescription {
  exitStatus: number;
  httpStatus: number;
  /** True if the same call may succeed later without a change. */
  retryable: boolean;
  /** For the reference page. */
  means: string;
}

/** A kind says who must act. Exit status and HTTP status follow from it. */
export const errorKinds: Record<ErrorKind, KindDescription> = {
  unexpected: {
    exitStatus: 1,
    httpStatus: 500,
    retryable: false,
    means: 'Something failed inside EcoLink, or what was started failed.',
  },
  input: {
    exitStatus: 2,
    httpStatus: 400,
    retryable: false,
    means: 'What was sent or configured is not valid. Correct it.',
  },
  not_found: {
    exitStatus: 3,
    httpStatus: 404,
    retryable: false,
    means: 'What was named does not exist, or the caller may not see it.',
  },
  refused: {
    exitStatus: 4,
    httpStatus: 403,
    retryable: false,
    means: 'A right, a limit or the environment does not allow it.',
  },
  unauthenticated: { exitStatus: 4, httpStatus: 401, retryable: false, means: 'The call has no valid token.' },
  conflict: {
    exitStatus: 5,
    httpStatus: 409,
    retryable: false,
    means: 'The present state does not allow it. Look at the state, then decide.',
  },
  unavailable: {
    exitStatus: 6,
    httpStatus: 503,
    retryable: true,
    means: 'Something does not answer or is not ready. Try again later.',
  },
  denied: { exitStatus: 7, httpStatus: 403, retryable: false, means: 'A person or a policy rule said no.' },
};
