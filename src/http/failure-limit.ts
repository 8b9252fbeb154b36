import { EcolinkError, fail } from '../core/base/errors.ts';

/** Counts failed requests by client address. */
export interface FailureLimit {
  /** Counts one. Returns the error for the caller: `too_many_failures` in place of `error` once there are too many. */
  count(address: string, error: unknown): unknown;
  spend(address: string): void;
  /** Throws `too_many_failures` if the address has no failure left. */
  check(address: string): void;
}

export interface FailureLimitOptions {
  perMinute: number;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Addresses that are remembered. The ones that failed longest ago are forgotten first. */
  mostAddresses?: number;
}

interface Bucket {
  left: number;
  at: number;
}

/**
 * A token bucket for each address. A request with a valid token is never refused, so nobody is locked out by others behind
 * the same address. Own code: rate-limiter-flexible keeps a timer for each key and has no bound on their number.
 */
export function createFailureLimit({ perMinute, now, mostAddresses = 10_000 }: FailureLimitOptions): FailureLimit {
  const buckets = new Map<string, Bucket>();
  const perMs = perMinute / 60_000;

  const leftAt = (address: string): number => {
    const bucket = buckets.get(address);
    return bucket ? Math.min(perMinute, bucket.left + (now() - bucket.at) * perMs) : perMinute;
  };
  const spend = (address: string): void => {
    const left = Math.max(0, leftAt(address) - 1);
    // Last in the order of the map.
    buckets.delete(address);
    buckets.set(address, { left, at: now() });
    if (buckets.size <= mostAddresses) return;
    for (const oldest of buckets.keys()) return void buckets.delete(oldest);
  };
  const tooMany = (address: string): EcolinkError => tooManyFailures(Math.ceil((1 - leftAt(address)) / perMs / 1000));

  return {
    spend,
    count(address, error) {
      // Failures of EcoLink itself are not the client's.
      if (!(error instanceof EcolinkError) || error.kind === 'unexpected' || error.kind === 'unavailable') return error;
      if (leftAt(address) < 1) return tooMany(address);
      spend(address);
      return error;
    },
    check(address) {
      if (leftAt(address) < 1) throw tooMany(address);
    },
  };
}

function tooManyFailures(seconds: number): EcolinkError {
  return fail('too_many_failures', 'Too many requests from this address failed.', {
    nextStep: `Send a valid token, or wait ${seconds} seconds.`,
    retryAfterSeconds: seconds,
  });
}
