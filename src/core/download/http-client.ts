import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { PullTuning } from '../config/pull-environment.ts';
import { Setback } from './failure.ts';
import { OriginGates } from './origin-gates.ts';

/** GET requests over kept connections; redirects are the caller's to follow. */
export class HttpClient implements Disposable {
  readonly gates: OriginGates;
  readonly #agents: { 'http:': HttpAgent; 'https:': HttpsAgent };
  readonly #tuning: PullTuning;
  readonly #signal: AbortSignal;

  constructor(tuning: PullTuning, proxyEnv: Record<string, string>, signal: AbortSignal) {
    const options = { keepAlive: true, maxSockets: tuning.connections, scheduling: 'lifo', proxyEnv } as const;
    this.#agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) };
    this.#tuning = tuning;
    this.#signal = signal;
    this.gates = new OriginGates(tuning, signal);
  }

  /** Resolves with the head of the answer, whatever its status; throws a `Setback` where none comes. */
  async get(url: URL, headers: Record<string, string>, signal: AbortSignal = this.#signal): Promise<IncomingMessage> {
    await this.gates.pass(url);
    const response = await this.#send(url, headers, signal);
    this.gates.heed(url, response);
    return response;
  }

  [Symbol.dispose](): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #send(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const agent = secure ? this.#agents['https:'] : this.#agents['http:'];
      const options = {
        agent,
        signal,
        headers: { 'User-Agent': 'ecolink-pull', 'Accept-Encoding': 'identity', ...headers },
      };
      const request = secure ? requestHttps(url, options) : requestHttp(url, options);
      const timer = setTimeout(() => {
        request.destroy(new Setback('stalled', `${url.host} did not answer for ${this.#tuning.stallMs / 1000} s.`));
      }, this.#tuning.stallMs);
      request.on('response', (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(signal.aborted ? signal.reason : asSetback(error, url.host));
      });
      request.end();
    });
  }
}

/** Who sent an answer; Node keeps the request with it, and its types do not say so. */
export function hostOf(response: IncomingMessage): string {
  return (response as IncomingMessage & { req: ClientRequest }).req.host;
}

/** What a broken connection means; its text names the host and never the address, which may be signed. */
export function asSetback(error: Error, host: string): Setback {
  if (error instanceof Setback) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new Setback('hub_unreachable', `The connection to ${host} failed (${code ?? error.message}).`, {
    cause: error,
  });
}

/** Frees the connection of an answer whose body nobody wants. */
export function discardBody(response: IncomingMessage): void {
  const length = Number(response.headers['content-length'] ?? Infinity);
  response.on('error', () => undefined);
  if (length <= 64 * 1024) response.resume();
  else response.destroy();
}

/** The body of a short answer, as text; at most 64 KiB of it. */
export async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > 64 * 1024) break;
    }
  } catch {
    // A refusal whose body breaks off is a refusal all the same.
  }
  return text;
}
