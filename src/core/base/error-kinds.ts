/** Who must act, in one word. Exit status and HTTP status follow from it. */
export const errorKinds = {
  unexpected: { exitStatus: 1, httpStatus: 500, retryable: false },
  input: { exitStatus: 2, httpStatus: 400, retryable: false },
  not_found: { exitStatus: 3, httpStatus: 404, retryable: false },
  refused: { exitStatus: 4, httpStatus: 403, retryable: false },
  unauthenticated: { exitStatus: 4, httpStatus: 401, retryable: false },
  conflict: { exitStatus: 5, httpStatus: 409, retryable: false },
  unavailable: { exitStatus: 6, httpStatus: 503, retryable: true },
  denied: { exitStatus: 7, httpStatus: 403, retryable: false },
} as const satisfies Record<string, { exitStatus: number; httpStatus: number; retryable: boolean }>;

export type ErrorKind = keyof typeof errorKinds;
