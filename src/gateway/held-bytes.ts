import { fail } from '../core/base/errors.ts';

/** The bytes of request bodies in memory. Bodies that are streamed do not count. */
export interface HeldBytes {
  /** Begins the count for one request. Its end gives everything back. */
  open(token: string): HeldBody;
  /** Of all requests. */
  total(): number;
}

export interface HeldBody extends Disposable {
  /** Counts more bytes. Throws `too_many_bytes` or `server_full`, and then counts nothing. */
  add(bytes: number): void;
}

export interface HeldLimits {
  perToken: number;
  total: number;
}

export function createHeldBytes(limits: HeldLimits): HeldBytes {
  const ofToken = new Map<string, number>();
  let total = 0;
  const change = (token: string, bytes: number): void => {
    total += bytes;
    const sum = (ofToken.get(token) ?? 0) + bytes;
    if (sum === 0) ofToken.delete(token);
    else ofToken.set(token, sum);
  };
  return {
    total: () => total,
    open(token) {
      let held = 0;
      return {
        add(bytes) {
          if ((ofToken.get(token) ?? 0) + bytes > limits.perToken) throw tooManyBytes();
          if (total + bytes > limits.total) throw serverFull();
          change(token, bytes);
          held += bytes;
        },
        [Symbol.dispose]() {
          if (held > 0) change(token, -held);
          held = 0;
        },
      };
    },
  };
}

const retryAfterSeconds = 2;

function tooManyBytes(): Error {
  return fail('too_many_bytes', 'The open calls of this token have too many bytes of request bodies together.', {
    nextStep: 'Wait for the answers of your other calls, then try again.',
    retryAfterSeconds,
  });
}

function serverFull(): Error {
  return fail('server_full', 'The server holds too many bytes of request bodies now.', {
    nextStep: 'Try again in a few seconds.',
    retryAfterSeconds,
  });
}
