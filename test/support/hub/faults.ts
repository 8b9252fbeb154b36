/** Where a request is answered: the Hub's API, its resolver, or the second origin that serves large files. */
export type Place = 'api' | 'resolve' | 'cdn';

/** What goes wrong with one answer. Offsets count from the first byte of the body that is being sent. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  | { kind: 'reset'; afterBytes: number }
  | { kind: 'stall'; afterBytes: number }
  | { kind: 'short'; afterBytes: number; declared: 'full' | 'none' | 'short' }
  | { kind: 'ignore-range' }
  | { kind: 'html'; chunked?: boolean }
  | { kind: 'redirect-loop' }
  | { kind: 'redirect'; location: string }
  | { kind: 'content-range'; shift: number }
  | { kind: 'flip'; at: number }
  | { kind: 'never-answer' };

export interface FaultRule {
  place: Place;
  fault: Fault;
  /** How many answers it still spoils. */
  left: number;
  /** How many it has spoilt. */
  hits: number;
  path?: string | RegExp;
  /** Answers at this place that go well first. */
  skip: number;
}

export interface FaultOptions {
  times?: number;
  path?: string | RegExp;
  /** This many answers go well before the first bad one. */
  skip?: number;
}

/** The ways in which a test Hub misbehaves. Each call adds a rule; the first rule that fits an answer spoils it. */
export class Faults {
  readonly #rules: FaultRule[] = [];
  /** Bytes per second of each connection of the second origin and the resolver; undefined: as fast as it goes. */
  throttle: number | undefined;
  /** Milliseconds before each answer. */
  latency = 0;

  add(place: Place, fault: Fault, options: FaultOptions = {}): FaultRule {
    const rule: FaultRule = { place, fault, left: options.times ?? 1, hits: 0, skip: options.skip ?? 0 };
    if (options.path !== undefined) rule.path = options.path;
    this.#rules.push(rule);
    return rule;
  }

  /** 429 as the Hub words it: with `RateLimit`, with `Retry-After`, or with neither. */
  rateLimit(
    place: Place,
    told: { rateLimit?: number; retryAfter?: number | string },
    options?: FaultOptions,
  ): FaultRule {
    const headers: Record<string, string> = {};
    if (told.rateLimit !== undefined) {
      headers['RateLimit'] = `"${place === 'api' ? 'api' : 'resolvers'}";r=0;t=${told.rateLimit}`;
      headers['RateLimit-Policy'] = '"fixed window";"resolvers";q=3000;w=300';
    }
    if (told.retryAfter !== undefined) headers['Retry-After'] = String(told.retryAfter);
    return this.add(place, { kind: 'status', status: 429, headers, body: 'Too Many Requests' }, options);
  }

  status(place: Place, status: number, options?: FaultOptions): FaultRule {
    return this.add(place, { kind: 'status', status, body: `status ${status}` }, options);
  }

  clear(): void {
    this.#rules.length = 0;
    this.throttle = undefined;
    this.latency = 0;
  }

  /** The fault of this answer, used up by asking. */
  take(place: Place, path: string): Fault | undefined {
    for (const rule of this.#rules) {
      if (rule.place !== place || rule.left === 0 || !fits(rule, path)) continue;
      if (rule.skip > 0) {
        rule.skip -= 1;
        continue;
      }
      rule.left -= 1;
      rule.hits += 1;
      return rule.fault;
    }
    return undefined;
  }
}

function fits(rule: FaultRule, path: string): boolean {
  if (rule.path === undefined) return true;
  return typeof rule.path === 'string' ? path.endsWith(rule.path) : rule.path.test(path);
}
