type Environment = Record<string, string | undefined>;

/** All that `ecolink pull` takes from its environment: how to reach the Hub, and how hard to pull. */
export interface PullEnvironment {
  /** For Node's agents, which know the rules of these names; certificates of `NODE_EXTRA_CA_CERTS` are Node's own doing. */
  proxy: Record<string, string>;
  tuning: PullTuning;
}

export interface PullTuning {
  /** Open connections, and so the requests in flight. */
  connections: number;
  /** Length of one ranged request, in bytes. */
  rangeBytes: number;
  /** A request without a byte for this long is given up, in milliseconds. */
  stallMs: number;
  /** Failures in a row, without progress between them, after which a range is given up. */
  tries: number;
  /** First and longest pause between tries, in milliseconds; each is drawn at random below that. */
  backoffMs: { first: number; longest: number };
  /** The longest pause that a Hub may ask for, in milliseconds. Its windows are five minutes. */
  longestHoldMs: number;
}

/** Measured: one connection to the Hub's CDN gives about 50 MB/s, 16 of them ten times that. */
const defaults: PullTuning = {
  connections: 16,
  rangeBytes: 16 * 1024 * 1024,
  stallMs: 30_000,
  tries: 8,
  backoffMs: { first: 500, longest: 30_000 },
  longestHoldMs: 330_000,
};

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

export function pullEnvironment(env: Environment = process.env): PullEnvironment {
  const proxy = proxyNames.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  return {
    proxy: Object.fromEntries(proxy),
    tuning: {
      connections: wholeNumber(env, 'ECOLINK_PULL_CONNECTIONS', 1, defaults.connections),
      rangeBytes: wholeNumber(env, 'ECOLINK_PULL_RANGE_KIB', 1024, defaults.rangeBytes),
      stallMs: wholeNumber(env, 'ECOLINK_PULL_STALL_MS', 1, defaults.stallMs),
      tries: wholeNumber(env, 'ECOLINK_PULL_TRIES', 1, defaults.tries),
      backoffMs: {
        first: wholeNumber(env, 'ECOLINK_PULL_BACKOFF_MS', 1, defaults.backoffMs.first),
        longest: defaults.backoffMs.longest,
      },
      longestHoldMs: wholeNumber(env, 'ECOLINK_PULL_HOLD_MS', 1, defaults.longestHoldMs),
    },
  };
}

function wholeNumber(env: Environment, name: string, unit: number, fallback: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`${name} must be a whole number above 0.`);
  return Number(text) * unit;
}
