import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import type { ClusterAccess } from './access.ts';
import { parseList, parseStatus, parseWatchEvent } from './answers.ts';
import type { WatchEvent } from './answers.ts';
import { apiError, isStatus, KubernetesError } from './api-errors.ts';
import { isLive, kinds, pathOf } from './kinds.ts';
import type { ApiObject, Kind, LiveOf, ManifestOf } from './kinds.ts';
import { systemError } from './system-error.ts';

type Query = Record<string, string | number | boolean | undefined>;

interface Call {
  method: Dispatcher.HttpMethod;
  path: string;
  query?: Query | undefined;
  body?: unknown;
  contentType?: string;
  /** For error messages: "create Job v-1". */
  action: string;
  timeoutMs?: number | undefined;
}

const defaultTimeoutMs = 15_000;
/** A pause that the server asks for is waited for within the call up to this length, in seconds. */
const longestPauseSeconds = 5;
/** Objects per page. A start lists all kinds of all regions, and pages of 500 cost 40 MB that are never given back. */
const pageSize = 100;
const fieldManager = 'ecolink';
/** A watch is renewed after this time. So a connection that died silently is found. */
const watchSeconds = 240;

export interface ClientOptions {
  region: string;
  namespace: string;
  access: ClusterAccess;
  clock: Clock;
}

/**
 * The API of one namespace. This is our own code over undici, with the library's credentials. The library's generated
 * clients have no time limit, ignore `retry-after`, and send a patch as json-patch unless a header says otherwise.
 */
export class KubernetesClient {
  readonly #options: ClientOptions;
  readonly namespace: string;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.namespace = options.namespace;
  }

  async list<K extends Kind>(
    kind: K,
    labelSelector: string,
    { fieldSelector, timeoutMs }: { fieldSelector?: string; timeoutMs?: number } = {},
  ): Promise<{ items: LiveOf<K>[]; version: string }> {
    const items: LiveOf<K>[] = [];
    let next: string | undefined;
    for (;;) {
      const call: Call = {
        method: 'GET',
        path: pathOf(kind, this.namespace),
        query: { labelSelector, fieldSelector, limit: pageSize, continue: next },
        action: `list ${kinds[kind].plural}`,
        timeoutMs,
      };
      const page = parseList(await this.#json(call), kind) ?? this.#notKubernetes(call);
      items.push(...page.items);
      next = page.next;
      if (next === undefined) return { items, version: page.version };
    }
  }

  /** Returns undefined if there is no such object. */
  async read<K extends Kind>(kind: K, name: string): Promise<LiveOf<K> | undefined> {
    const path = pathOf(kind, this.namespace, name);
    try {
      return await this.#object(kind, { method: 'GET', path, action: `read ${kind} ${name}` });
    } catch (thrown) {
      if (isStatus(thrown, 404)) return undefined;
      throw thrown;
    }
  }

  /** Returns undefined if the name is taken. Creation is a lock: one of many callers wins. */
  async create<K extends Kind>(kind: K, manifest: ManifestOf<K>): Promise<LiveOf<K> | undefined> {
    try {
      return await this.#object(kind, {
        method: 'POST',
        path: pathOf(kind, this.namespace),
        query: { fieldManager, fieldValidation: 'Strict' },
        body: manifest,
        action: `create ${kind} ${manifest.metadata.name}`,
      });
    } catch (thrown) {
      if (thrown instanceof KubernetesError && thrown.status === 409 && thrown.reason === 'AlreadyExists')
        return undefined;
      throw thrown;
    }
  }

  /** Server-side apply: resets our fields if others changed them, and leaves the fields of others alone. */
  async apply<K extends Kind>(
    kind: K,
    manifest: ManifestOf<K>,
    moreAnnotations: Record<string, string> = {},
  ): Promise<LiveOf<K>> {
    const { name, annotations } = manifest.metadata;
    const metadata = { ...manifest.metadata, annotations: { ...annotations, ...moreAnnotations } };
    return this.#object(kind, {
      method: 'PATCH',
      path: pathOf(kind, this.namespace, name),
      query: { fieldManager, fieldValidation: 'Strict', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { ...manifest, metadata },
      action: `apply ${kind} ${name}`,
    });
  }

  /** Changes the object with this UID. Returns undefined if it is gone, or if another object has its name. */
  async patch<K extends Kind>(
    kind: K,
    seen: ApiObject,
    change: { metadata?: object; spec?: object },
  ): Promise<LiveOf<K> | undefined> {
    const { name, uid } = seen.metadata;
    try {
      return await this.#object(kind, {
        method: 'PATCH',
        path: pathOf(kind, this.namespace, name),
        query: { fieldManager, fieldValidation: 'Strict' },
        contentType: 'application/merge-patch+json',
        body: { ...change, metadata: { ...change.metadata, uid } },
        action: `change ${kind} ${name}`,
      });
    } catch (thrown) {
      if (isStatus(thrown, 404, 409)) return undefined;
      throw thrown;
    }
  }

  /** Deletes the object with this UID, and what it owns. Does nothing if it is gone or was created again. */
  async delete(kind: Kind, name: string, uid?: string): Promise<void> {
    try {
      await this.#json({
        method: 'DELETE',
        path: pathOf(kind, this.namespace, name),
        body: { propagationPolicy: 'Background', preconditions: uid === undefined ? undefined : { uid } },
        action: `delete ${kind} ${name}`,
      });
    } catch (thrown) {
      if (!isStatus(thrown, 404, 409)) throw thrown;
    }
  }

  /** The end of a container's log. Empty if there is none yet. */
  async log(
    pod: string,
    options: { lines?: number; limitBytes?: number; container?: string; previous?: boolean },
  ): Promise<string> {
    const { lines: tailLines, limitBytes, container, previous } = options;
    try {
      const { body } = await this.#send({
        method: 'GET',
        path: `${pathOf('Pod', this.namespace, pod)}/log`,
        query: { tailLines, container, previous, limitBytes },
        action: `read the log of ${pod}`,
      });
      return await body.text();
    } catch (thrown) {
      if (isStatus(thrown, 400, 404)) return '';
      throw thrown;
    }
  }

  /** Any other path: versions, access reviews, cluster-scoped objects. */
  async raw<T>(
    method: 'GET' | 'POST',
    path: string,
    schema: z.ZodType<T>,
    options: { body?: unknown; query?: Query; timeoutMs?: number } = {},
  ): Promise<T> {
    const call: Call = { method, path, ...options, action: `ask for ${path}` };
    return schema.safeParse(await this.#json(call)).data ?? this.#notKubernetes(call);
  }

  /** Yields the changes after `version` until the server ends the watch. Throws as any call does. `signal` ends it. */
  async *watch<K extends Kind>(
    kind: K,
    labelSelector: string,
    version: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<K>> {
    const silent = new AbortController();
    const call: Call = {
      method: 'GET',
      path: pathOf(kind, this.namespace),
      query: {
        labelSelector,
        resourceVersion: version,
        watch: true,
        allowWatchBookmarks: true,
        timeoutSeconds: watchSeconds,
      },
      action: `watch ${kinds[kind].plural}`,
      timeoutMs: (watchSeconds + 30) * 1000,
    };
    const { body } = await this.#send(call, AbortSignal.any([signal, silent.signal]));
    try {
      for await (const line of linesOf(body)) yield parseWatchEvent(line, kind) ?? this.#notKubernetes(call);
    } finally {
      silent.abort();
      body.on('error', () => {});
      body.destroy();
    }
  }

  async #object<K extends Kind>(kind: K, call: Call): Promise<LiveOf<K>> {
    const answer = await this.#json(call);
    return isLive(answer, kind) ? answer : this.#notKubernetes(call);
  }

  async #json(call: Call): Promise<unknown> {
    const { body } = await this.#send(call);
    try {
      return await body.json();
    } catch (cause) {
      throw this.#noAnswer(call, cause);
    }
  }

  async #send(call: Call, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#sendOnce(call, signal);
      } catch (thrown) {
        const pauseSeconds = tries < 2 ? this.#pauseBefore(thrown, tries) : undefined;
        if (pauseSeconds === undefined) throw thrown;
        await this.#options.clock.sleep(pauseSeconds * 1000, signal);
      }
    }
  }

  /** Seconds before another try. Only calls that surely had no effect are repeated: those answered with 401 or 429. */
  #pauseBefore(thrown: unknown, tries: number): number | undefined {
    if (!(thrown instanceof KubernetesError)) return undefined;
    if (thrown.status === 401 && tries === 0) {
      this.#options.access.forget();
      return 0;
    }
    const pauseSeconds = thrown.retryAfterSeconds ?? 1;
    return thrown.status === 429 && pauseSeconds <= longestPauseSeconds ? pauseSeconds : undefined;
  }

  async #sendOnce(call: Call, signal: AbortSignal | undefined): Promise<Dispatcher.ResponseData> {
    const { server, headers, dispatcher } = await this.#options.access.current();
    const url = new URL(server + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
    }
    const type = call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' };
    const timeout = AbortSignal.timeout(call.timeoutMs ?? defaultTimeoutMs);
    let answer: Dispatcher.ResponseData;
    try {
      answer = await request(url, {
        method: call.method,
        dispatcher,
        headers: { ...headers, accept: 'application/json', 'user-agent': 'ecolink', ...type },
        body: call.body === undefined ? undefined : JSON.stringify(call.body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        bodyTimeout: 0,
      });
    } catch (cause) {
      throw this.#noAnswer(call, cause);
    }
    if (answer.statusCode < 300) return answer;
    throw await this.#failure(call, answer);
  }

  async #failure(call: Call, answer: Dispatcher.ResponseData): Promise<KubernetesError> {
    const text = await answer.body.text().catch(() => '');
    const retryAfter = Number(answer.headers['retry-after']);
    const { message, reason } = parseStatus(text);
    return apiError(this.#options.region, call.action, {
      status: answer.statusCode,
      message: message ?? `status ${answer.statusCode}`,
      reason,
      retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
    });
  }

  #noAnswer(call: Call, cause: unknown): KubernetesError {
    const { name, message, code } = systemError(cause);
    const said = name === 'TimeoutError' ? 'no answer within the time limit' : (code ?? message);
    return apiError(this.#options.region, call.action, { status: 0, message: said });
  }

  #notKubernetes(call: Call): never {
    const message = `its answer to "${call.action}" is not one of the Kubernetes API`;
    throw apiError(this.#options.region, call.action, { status: 500, message });
  }
}

/** Splits a stream into lines. readline would hide an error of its input. A last line without an end is dropped. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}
