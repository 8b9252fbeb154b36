import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { ClusterAccess } from './access.ts';
import { apiError, isStatus, KubernetesError } from './api-errors.ts';
import { kinds, pathOf } from './kinds.ts';
import type { Held, Kind, Live } from './kinds.ts';

/** What a manifest has before the server holds it. */
export interface Manifest {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string };
}

interface Call {
  method: Dispatcher.HttpMethod;
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  contentType?: string;
  doing: string;
  timeoutMs?: number;
}

const timeoutMs = 15_000;
/** The longest pause that a server may ask for and still be waited for within a call, in seconds. */
const longestPause = 5;
/** Of what is listed at once. All kinds of all regions are listed at a start, and pages of 500 cost 40 MB for good. */
const pageSize = 100;
const fieldManager = 'ecolink';
/** Watched for this long, then asked anew: a connection that died without a word is found out. */
const watchSeconds = 240;

export interface ClientOptions {
  region: string;
  namespace: string;
  access: ClusterAccess;
  timeoutMs?: number;
}

export interface WatchEvent {
  type: string;
  object: Held & { code?: number; message?: string };
}

/**
 * The API of one namespace. Own code over undici, with the library's credentials: its generated clients have no time
 * limit, drop `retry-after`, and send a patch as json-patch unless told otherwise in a header.
 */
export class KubernetesClient {
  readonly #options: ClientOptions;
  readonly namespace: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.namespace = options.namespace;
  }

  async list<T>(
    kind: Kind,
    labelSelector: string,
    { fieldSelector, timeoutMs: patience }: { fieldSelector?: string; timeoutMs?: number } = {},
  ): Promise<{ items: Live<T>[]; version: string }> {
    const items: Live<T>[] = [];
    let next: string | undefined;
    for (;;) {
      const page = (await this.#json({
        method: 'GET',
        path: pathOf(kind, this.namespace),
        query: { labelSelector, fieldSelector, limit: pageSize, continue: next },
        doing: `listed (${kinds[kind].plural})`,
        ...(patience === undefined ? {} : { timeoutMs: patience }),
      })) as { items: Live<T>[]; metadata: { resourceVersion: string; continue?: string } };
      items.push(...page.items);
      next = page.metadata.continue || undefined;
      if (next === undefined) return { items, version: page.metadata.resourceVersion };
    }
  }

  /** Undefined where there is none. */
  async read<T>(kind: Kind, name: string): Promise<Live<T> | undefined> {
    const call: Call = { method: 'GET', path: pathOf(kind, this.namespace, name), doing: `read (${kind} ${name})` };
    return unlessMissing(this.#json(call) as Promise<Live<T>>);
  }

  /** Undefined where the name is taken: creating is a lock that one of many wins. */
  async create<T extends Manifest>(kind: Kind, manifest: T): Promise<Live<T> | undefined> {
    try {
      return (await this.#json({
        method: 'POST',
        path: pathOf(kind, this.namespace),
        query: { fieldManager, fieldValidation: 'Strict' },
        body: manifest,
        doing: `created (${kind} ${manifest.metadata?.name ?? ''})`,
      })) as Live<T>;
    } catch (thrown) {
      if (thrown instanceof KubernetesError && thrown.status === 409 && thrown.reason === 'AlreadyExists')
        return undefined;
      throw thrown;
    }
  }

  /** Server-side apply. What others changed in fields of ours is taken back; fields of theirs stay. */
  async apply<T extends Manifest>(kind: Kind, manifest: T): Promise<Live<T>> {
    const name = manifest.metadata?.name as string;
    return (await this.#json({
      method: 'PATCH',
      path: pathOf(kind, this.namespace, name),
      query: { fieldManager, fieldValidation: 'Strict', force: true },
      contentType: 'application/apply-patch+yaml',
      body: manifest,
      doing: `applied (${kind} ${name})`,
    })) as Live<T>;
  }

  /** Changes an object that is still the one that was seen. Undefined where it is gone or another has its name. */
  async patch<T>(kind: Kind, seen: Held, change: { metadata?: object; spec?: object }): Promise<Live<T> | undefined> {
    const { name, uid } = seen.metadata;
    try {
      return (await this.#json({
        method: 'PATCH',
        path: pathOf(kind, this.namespace, name),
        query: { fieldManager, fieldValidation: 'Strict' },
        contentType: 'application/merge-patch+json',
        body: { ...change, metadata: { ...change.metadata, uid } },
        doing: `changed (${kind} ${name})`,
      })) as Live<T>;
    } catch (thrown) {
      if (isStatus(thrown, 404, 409)) return undefined;
      throw thrown;
    }
  }

  /** Deletes the very object that was seen, and what it owns. One that is gone, or was made anew, is left alone. */
  async delete(kind: Kind, name: string, uid?: string): Promise<void> {
    try {
      await this.#json({
        method: 'DELETE',
        path: pathOf(kind, this.namespace, name),
        body: { propagationPolicy: 'Background', ...(uid === undefined ? {} : { preconditions: { uid } }) },
        doing: `deleted (${kind} ${name})`,
      });
    } catch (thrown) {
      if (!isStatus(thrown, 404, 409)) throw thrown;
    }
  }

  /** The end of a container's log; empty where there is none yet. */
  async log(
    pod: string,
    options: { lines?: number; container?: string; bytes?: number; previous?: boolean },
  ): Promise<string> {
    const { lines: tailLines, container, bytes: limitBytes, previous } = options;
    try {
      const { body } = await this.#send({
        method: 'GET',
        path: `${pathOf('Pod', this.namespace, pod)}/log`,
        query: { tailLines, container, limitBytes, previous },
        doing: `read (log of ${pod})`,
      });
      return await body.text();
    } catch (thrown) {
      if (isStatus(thrown, 400, 404)) return '';
      throw thrown;
    }
  }

  /** Any other path: versions, access reviews, what lies outside the namespace. */
  async raw(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    query?: Call['query'],
    timeoutMs?: number,
  ): Promise<unknown> {
    return this.#json({
      method,
      path,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      doing: `asked (${path})`,
      ...(body === undefined ? {} : { body }),
      ...(query === undefined ? {} : { query }),
    });
  }

  /** Yields changes after `version` until the server ends it. Throws as any call does; `signal` ends it quietly. */
  async *watch(kind: Kind, labelSelector: string, version: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const silent = new AbortController();
    const { body } = await this.#send(
      {
        method: 'GET',
        path: pathOf(kind, this.namespace),
        query: {
          labelSelector,
          resourceVersion: version,
          watch: true,
          allowWatchBookmarks: true,
          timeoutSeconds: watchSeconds,
        },
        doing: `watched (${kinds[kind].plural})`,
        timeoutMs: (watchSeconds + 30) * 1000,
      },
      AbortSignal.any([signal, silent.signal]),
    );
    try {
      for await (const line of linesOf(body)) yield JSON.parse(line) as WatchEvent;
    } finally {
      silent.abort();
      body.on('error', () => {});
      body.destroy();
    }
  }

  async #json(call: Call): Promise<unknown> {
    const { body } = await this.#send(call);
    try {
      return await body.json();
    } catch (cause) {
      throw this.#broken(call, cause);
    }
  }

  async #send(call: Call, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#once(call, signal);
      } catch (thrown) {
        const pause = tries < 2 ? this.#pauseBefore(thrown, tries) : undefined;
        if (pause === undefined) throw thrown;
        await delay(pause * 1000, undefined, signal ? { signal } : {});
      }
    }
  }

  /** Seconds until another try is worth it, for what is known not to have been done: refused as too many, or as unknown. */
  #pauseBefore(thrown: unknown, tries: number): number | undefined {
    if (!(thrown instanceof KubernetesError)) return undefined;
    if (thrown.status === 401 && tries === 0) {
      this.#options.access.forget();
      return 0;
    }
    const asked = thrown.retryAfterSeconds;
    return thrown.status === 429 && (asked ?? 1) <= longestPause ? (asked ?? 1) : undefined;
  }

  async #once(call: Call, signal: AbortSignal | undefined): Promise<Dispatcher.ResponseData> {
    const { server, headers, dispatcher } = await this.#options.access.current();
    const url = new URL(server + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
    }
    const timeout = AbortSignal.timeout(call.timeoutMs ?? this.#options.timeoutMs ?? timeoutMs);
    let answer: Dispatcher.ResponseData;
    try {
      answer = await request(url, {
        method: call.method,
        dispatcher,
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': 'ecolink',
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        bodyTimeout: 0,
      });
    } catch (cause) {
      throw this.#broken(call, cause);
    }
    if (answer.statusCode < 300) return answer;
    throw await this.#failure(call, answer);
  }

  async #failure(call: Call, answer: Dispatcher.ResponseData): Promise<KubernetesError> {
    const text = await answer.body.text().catch(() => '');
    const retryAfter = Number(answer.headers['retry-after']);
    const status = parseStatus(text);
    return apiError(this.#options.region, call.doing, {
      status: answer.statusCode,
      message: status.message ?? `status ${answer.statusCode}`,
      reason: status.reason,
      ...(Number.isFinite(retryAfter) ? { retryAfter } : {}),
    });
  }

  #broken(call: Call, cause: unknown): KubernetesError {
    const { name, message, code } = cause as NodeJS.ErrnoException;
    const words = name === 'TimeoutError' ? 'no answer within the time limit' : (code ?? message);
    return apiError(this.#options.region, call.doing, { status: 0, message: words });
  }
}

/** By hand: readline keeps an error of its input to itself. A line that was cut is no event. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (isStatus(thrown, 404)) return undefined;
    throw thrown;
  }
}

function parseStatus(text: string): { message?: string; reason?: string } {
  try {
    return JSON.parse(text) as { message?: string; reason?: string };
  } catch {
    return {};
  }
}
