import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { systemErrorCode } from '../../base/system-error.ts';
import type { PullTuning } from '../../config/pull-environment.ts';
import type { Answer } from './answer.ts';
import { connectionFailure, TransientError } from '../failure.ts';
import { NodeAnswer } from './node-answer.ts';
import { OriginGates } from './origin-gates.ts';
import { RawClient } from './raw-client.ts';

/** Sends GET requests over kept connections. It does not follow redirects. */
export class HttpClient implements Disposable {
  readonly #gates: OriginGates;
  readonly #agents: { 'http:': HttpAgent; 'https:': HttpsAgent };
  /** Undefined behind a proxy, because only Node's agents can use one. */
  readonly #raw: RawClient | undefined;
  /** Origins whose bodies only Node's client can write to a file. */
  readonly #notPlain = new Set<string>();
  readonly #tuning: PullTuning;
  readonly #signal: AbortSignal;

  constructor(tuning: PullTuning, proxyEnv: Record<string, string>, signal: AbortSignal) {
    const options = { keepAlive: true, maxSockets: tuning.connections, scheduling: 'lifo', proxyEnv } as const;
    this.#agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) };
    this.#raw = Object.keys(proxyEnv).length === 0 ? new RawClient(tuning.stallMs) : undefined;
    this.#tuning = tuning;
    this.#signal = signal;
    this.#gates = new OriginGates(tuning, signal);
  }

  /** Resolves with the head of the response, with any status. Throws a `TransientError` if there is no response. */
  async get(url: URL, headers: Record<string, string>, signal: AbortSignal = this.#signal): Promise<Answer> {
    await this.#gates.pass(url);
    const all = { 'User-Agent': 'ecolink-pull', 'Accept-Encoding': 'identity', ...headers };
    const answer = (await this.#getRaw(url, all, signal)) ?? (await this.#send(url, all, signal));
    this.#gates.observe(url, answer);
    return answer;
  }

  async #getRaw(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer | undefined> {
    if (!this.#raw || this.#notPlain.has(url.origin)) return undefined;
    const answer = await this.#raw.get(url, headers, signal);
    if (answer.isPlain || answer.status >= 300) return answer;
    this.#notPlain.add(url.origin);
    answer.discard();
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#raw?.[Symbol.dispose]();
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #send(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const agent = secure ? this.#agents['https:'] : this.#agents['http:'];
      const options = { agent, signal, headers };
      const request = secure ? requestHttps(url, options) : requestHttp(url, options);
      const timer = setTimeout(() => {
        request.destroy(
          new TransientError('stalled', `${url.host} did not answer for ${this.#tuning.stallMs / 1000} s.`),
        );
      }, this.#tuning.stallMs);
      let answered = false;
      request.on('response', (response) => {
        answered = true;
        clearTimeout(timer);
        resolve(new NodeAnswer(response, url.host, this.#tuning.stallMs));
      });
      request.on('error', (error) => {
        clearTimeout(timer);
        // A server may close a kept connection just when it is reused. That is no failure: a new connection is opened.
        const isStale = request.reusedSocket && systemErrorCode(error) === 'ECONNRESET' && !signal.aborted;
        if (isStale && !answered) resolve(this.#send(url, headers, signal));
        else reject(signal.aborted ? signal.reason : connectionFailure(error, url.host));
      });
      request.end();
    });
  }
}
