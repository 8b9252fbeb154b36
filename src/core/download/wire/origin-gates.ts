import { setTimeout as sleep } from 'node:timers/promises';
import type { PullTuning } from '../../config/pull-environment.ts';
import type { Answer } from './answer.ts';
import { PullFailure } from '../failure.ts';

interface Gate {
  /** No request before this time of `performance.now()`. */
  opensAt: number;
  /** Consecutive responses with status 429. */
  refusals: number;
}

/**
 * One gate per origin and rate limit. If a server asks for a pause, all connections wait, so that each does not need
 * its own refusal. The Hub has separate limits for its resolver and its API, so each has its own gate.
 */
export class OriginGates {
  readonly #gates = new Map<string, Gate>();
  readonly #tuning: PullTuning;
  readonly #signal: AbortSignal;

  constructor(tuning: PullTuning, signal: AbortSignal) {
    this.#tuning = tuning;
    this.#signal = signal;
  }

  /** Waits until the origin accepts requests. Random waits spread the requests after a pause. */
  async pass(url: URL): Promise<void> {
    const gate = this.#gate(url);
    for (let wait = gate.opensAt - performance.now(); wait > 0; wait = gate.opensAt - performance.now()) {
      const spread = Math.random() * Math.min(wait, 1000);
      await sleep(Math.ceil(wait + spread), undefined, { signal: this.#signal });
    }
  }

  /**
   * Closes the gate for a 429, or for a `RateLimit` header with no requests left. Throws `rate_limited` if the pause is
   * too long.
   */
  observe(url: URL, response: Answer): void {
    const gate = this.#gate(url);
    const limit = rateLimit(response);
    if (response.status !== 429) {
      gate.refusals = 0;
      if (limit && limit.left === 0) this.#hold(gate, limit.resetMs, url);
      return;
    }
    gate.refusals += 1;
    if (gate.refusals > this.#tuning.tries * this.#tuning.connections) throw tooMany(url);
    this.#hold(gate, limit?.resetMs ?? retryAfter(response) ?? this.#guess(gate.refusals), url);
  }

  #hold(gate: Gate, milliseconds: number, url: URL): void {
    if (milliseconds > this.#tuning.longestHoldMs) throw tooMany(url, Math.ceil(milliseconds / 60_000));
    gate.opensAt = Math.max(gate.opensAt, performance.now() + milliseconds);
  }

  #guess(refusals: number): number {
    const { first, longest } = this.#tuning.backoffMs;
    return (0.5 + Math.random() / 2) * Math.min(longest, first * 2 ** Math.min(refusals, 10));
  }

  #gate(url: URL): Gate {
    const key = `${url.origin} ${url.pathname.startsWith('/api/')}`;
    const gate = this.#gates.get(key) ?? { opensAt: 0, refusals: 0 };
    this.#gates.set(key, gate);
    return gate;
  }
}

/** `RateLimit: "resolvers";r=0;t=55`: the requests left in this window, and the seconds until the next one. */
function rateLimit(response: Answer): { left: number; resetMs: number } | undefined {
  const text = response.header('ratelimit') ?? '';
  const left = /;\s*r=(\d+)/.exec(text)?.[1];
  const reset = /;\s*t=(\d+)/.exec(text)?.[1];
  return left === undefined || reset === undefined ? undefined : { left: Number(left), resetMs: Number(reset) * 1000 };
}

/** `Retry-After`, in seconds or as a date. Returns milliseconds. */
function retryAfter(response: Answer): number | undefined {
  const header = response.header('retry-after');
  if (header === undefined) return undefined;
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

function tooMany(url: URL, minutes?: number): PullFailure {
  const wait = minutes === undefined ? '' : ` and asks to wait ${minutes} min`;
  return new PullFailure('rate_limited', `${url.host} refuses more requests for now${wait}.`);
}
