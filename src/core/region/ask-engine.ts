import { Client } from 'undici';
import { textWithin } from '../base/text-within.ts';

export interface EngineAnswer {
  status: number;
  /** Undefined if the body is larger than the limit. */
  text: string | undefined;
}

export interface AskLimits {
  /** For everything: connection, headers and the whole body. */
  deadlineMs?: number;
  mostBytes?: number;
  /** The key of the engine's API, if it has one. */
  key?: string | undefined;
}

/**
 * Asks an engine for one of its own pages: health, context length, metrics. An engine is not trusted. It may drip its
 * answer, never end it, or redirect. So the answer is bounded in time and bytes, a redirect is an answer like any other,
 * and the connection is closed on every path. A kept connection would also hide an engine that takes no new ones. Returns
 * undefined if the engine does not answer within the limits.
 */
export async function askEngine(
  url: string,
  { deadlineMs = 2000, mostBytes = 256 * 1024, key }: AskLimits = {},
): Promise<EngineAnswer | undefined> {
  const { origin, pathname, search } = new URL(url);
  const client = new Client(origin, { pipelining: 0, connect: { timeout: deadlineMs } });
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    const { statusCode, body } = await client.request({ method: 'GET', path: pathname + search, headers, signal });
    return { status: statusCode, text: await textWithin(body, mostBytes) };
  } catch {
    return undefined;
  } finally {
    await client.destroy();
  }
}
