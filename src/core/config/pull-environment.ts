import { z } from 'zod';

type Environment = Record<string, string | undefined>;

/** Everything that `ecolink pull` reads from its environment. */
export interface PullEnvironment {
  /** Proxy variables for Node's agents. Node itself reads `NODE_EXTRA_CA_CERTS`. */
  proxy: Record<string, string>;
  tuning: PullTuning;
}

export interface PullTuning {
  /** Open connections, and with them the requests in flight. */
  connections: number;
  /** Bytes of one ranged request. */
  rangeBytes: number;
  /** A request that gets no byte for this time is given up, in milliseconds. */
  stallMs: number;
  /** A range is given up after so many failures in a row without progress. */
  tries: number;
  /** First and longest pause between tries, in milliseconds. Each pause is a random part of that. */
  backoffMs: { first: number; longest: number };
  /** The longest pause that the Hub may ask for, in milliseconds. Its rate limits have windows of five minutes. */
  longestHoldMs: number;
}

const kib = 1024;
const longestBackoffMs = 30_000;

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'] as const;

const wholeNumber = (fallback: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,9}$/, 'must be a whole number above 0')
    .transform(Number)
    .default(fallback);

const environmentSchema = z.object({
  // Measured: one connection to the Hub's CDN gives about 50 MB/s, 16 connections give ten times that.
  ECOLINK_PULL_CONNECTIONS: wholeNumber(16),
  ECOLINK_PULL_RANGE_KIB: wholeNumber(16 * 1024),
  ECOLINK_PULL_STALL_MS: wholeNumber(30_000),
  ECOLINK_PULL_TRIES: wholeNumber(8),
  ECOLINK_PULL_BACKOFF_MS: wholeNumber(500),
  ECOLINK_PULL_HOLD_MS: wholeNumber(330_000),
});

/** Throws an error that names the variable whose value is not valid. An empty variable counts as unset. */
export function pullEnvironment(environment: Environment = process.env): PullEnvironment {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(set);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${String(issue?.path[0])} ${issue?.message}.`);
  }
  const env = parsed.data;
  return {
    proxy: proxyOf(set),
    tuning: {
      connections: env.ECOLINK_PULL_CONNECTIONS,
      rangeBytes: env.ECOLINK_PULL_RANGE_KIB * kib,
      stallMs: env.ECOLINK_PULL_STALL_MS,
      tries: env.ECOLINK_PULL_TRIES,
      backoffMs: { first: env.ECOLINK_PULL_BACKOFF_MS, longest: longestBackoffMs },
      longestHoldMs: env.ECOLINK_PULL_HOLD_MS,
    },
  };
}

function proxyOf(set: Environment): Record<string, string> {
  const proxy: Record<string, string> = {};
  for (const name of proxyNames) if (set[name] !== undefined) proxy[name] = set[name];
  return proxy;
}
