import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { HubCommit, HubFile } from '../../../src/quickstart/hub-repo.ts';
import { modelInfo, parseRange, treeEntries } from '../../../src/quickstart/hub-repo.ts';
import { routeOf, type HubRoute } from '../../../src/quickstart/hub-routes.ts';
import { openInGated, refuseGate, refuseRepo, refuseToken, type HubToken, type Refusal } from './access.ts';
import { applyWholeFault, declaredLength, isTrue, json, readPaths, refuse, whoAmI } from './answers.ts';
import { sendBody } from './body.ts';
import type { FileSource } from './content.ts';
import { Faults, type Fault, type Place } from './faults.ts';
import { HubRepo, type RepoOptions } from './repo.ts';

/** One request as it arrived: enough to count, and to see what was sent where. */
export interface HubRequest {
  place: Place;
  method: string;
  /** With its query string, which is secret at the second origin. */
  url: string;
  path: string;
  range: string | undefined;
  authorization: boolean;
  host: string | undefined;
  at: number;
}

export interface HubOptions {
  /** PEM texts: both origins speak HTTPS then. */
  tls?: { key: string; cert: string };
  /** How long a signed URL is good. */
  signedUrlSeconds?: number;
  /** Entries of one page of a tree; the real Hub sends 1,000. */
  treePage?: number;
  /** The resolver refuses what exceeds this in a window, as the real one does (3,000 in 300 s, anonymous). */
  resolverLimit?: { quota: number; windowSeconds: number };
  /** Milliseconds that a question and its answer take on the way; a new connection takes two such times before it, for TCP and TLS. */
  roundTrip?: number;
  /** The address that both origins listen on and name themselves by: one that pods reach, for example. */
  host?: string;
}

/** A Hugging Face Hub over real HTTP: two origins, the protocol of the real one, and every way to misbehave. */
export class Hub implements AsyncDisposable {
  readonly requests: HubRequest[] = [];
  readonly faults = new Faults();
  readonly tokens = new Map<string, HubToken>();
  readonly #repos = new Map<string, HubRepo>();
  readonly #front: Server;
  readonly #cdn: Server;
  readonly #options: HubOptions;
  #secret = randomBytes(16);
  #bytes = 0;
  #window = { started: 0, used: 0 };

  constructor(options: HubOptions) {
    this.#options = options;
    const listen = (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Server => {
      const onRequest = (request: IncomingMessage, response: ServerResponse) => void handle(request, response);
      const server = options.tls ? createSecureServer(options.tls, onRequest) : createServer(onRequest);
      server.keepAliveTimeout = 60_000;
      if (options.roundTrip !== undefined) holdConnections(server, 2 * options.roundTrip);
      return server;
    };
    this.faults.latency = options.roundTrip ?? 0;
    this.#front = listen((request, response) => this.#answerFront(request, response));
    this.#cdn = listen((request, response) => this.#answerCdn(request, response));
  }

  async listen(): Promise<void> {
    for (const server of [this.#front, this.#cdn]) {
      server.listen(0, this.#options.host ?? '127.0.0.1');
      await once(server, 'listening');
    }
  }

  /** Base URL of the Hub, without a trailing slash. */
  get endpoint(): string {
    return this.#origin(this.#front);
  }

  /** The second origin, where the bytes of large files come from. */
  get cdnOrigin(): string {
    return this.#origin(this.#cdn);
  }

  addRepo(id: string, options: RepoOptions): HubRepo {
    const repo = new HubRepo(id, options);
    this.#repos.set(id, repo);
    return repo;
  }

  removeRepo(id: string): void {
    this.#repos.delete(id);
  }

  /** A new commit on the repo's main branch. */
  push(id: string, files: Record<string, FileSource | null>): HubCommit {
    const repo = this.#repos.get(id);
    if (!repo) throw new Error(`The test Hub has no repo ${id}`);
    return repo.push(files);
  }

  addToken(token: string, about: Partial<HubToken> = {}): HubToken {
    const added = { user: 'alice', gatedScope: true, revoked: false, ...about };
    this.tokens.set(token, added);
    return added;
  }

  /** Bytes of file bodies that both origins handed to their sockets. */
  bytesSent(): number {
    return this.#bytes;
  }

  /** Requests that arrived at one place, for a file where its path is given. */
  requestsTo(place: Place, path = ''): HubRequest[] {
    return this.requests.filter((request) => request.place === place && request.path.endsWith(path));
  }

  /** Forgets what was counted so far. */
  resetCounters(): void {
    this.requests.length = 0;
    this.#bytes = 0;
  }

  /** Every signed URL that was handed out so far is refused from now on. */
  expireSignedUrls(): void {
    this.#secret = randomBytes(16);
  }

  async close(): Promise<void> {
    for (const server of [this.#front, this.#cdn]) {
      if (!server.listening) continue;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #origin(server: Server): string {
    // Two origins must differ in more than the port, as the real ones do: a client that compares host names is caught.
    const host = this.#options.host ?? (server === this.#front ? '127.0.0.1' : 'localhost');
    return `${this.#options.tls ? 'https' : 'http'}://${host}:${(server.address() as AddressInfo).port}`;
  }

  #log(place: Place, request: IncomingMessage, path: string): void {
    this.requests.push({
      place,
      method: request.method ?? '',
      url: request.url ?? '',
      path,
      range: request.headers.range,
      authorization: request.headers.authorization !== undefined,
      host: request.headers.host,
      at: performance.now(),
    });
  }

  async #answerFront(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.endpoint);
    const route = routeOf(url.pathname);
    const place = route.kind === 'resolve' ? 'resolve' : 'api';
    this.#log(place, request, decodeURIComponent(url.pathname));
    await this.#delay();
    if (place === 'resolve' && !this.#withinLimit(response)) return;
    const fault = this.faults.take(place, decodeURIComponent(url.pathname));
    if (applyWholeFault(fault, request, response)) return;
    const paths = /^\/api\/models\/(.+)\/paths-info\/([^/]+)$/.exec(url.pathname);
    if (paths) return this.#answerPaths(request, response, this.#repos.get(paths[1] ?? '')?.at(paths[2] ?? ''));
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const token = this.tokens.get(bearer ?? '');
    const refusal = refuseToken(token, bearer) ?? this.#refuseRoute(route, token);
    if (refusal) return refuse(response, refusal, route.kind === 'resolve');
    await this.#answerRoute(route, url, token, { request, response, fault });
  }

  #refuseRoute(route: HubRoute, token: HubToken | undefined): Refusal | undefined {
    if (route.kind === 'other') return { status: 404, message: 'Not found' };
    if (route.kind === 'whoami') return token ? undefined : { status: 401, message: 'Invalid username or password.' };
    const repo = this.#repos.get(route.repo);
    const refusal = refuseRepo(repo, token);
    if (refusal || !repo) return refusal;
    if (route.kind === 'auth-check') return refuseGate(repo, token, this.endpoint);
    if (!repo.at(route.revision))
      return { status: 404, code: 'RevisionNotFound', message: `Invalid rev id: ${route.revision}` };
    if (route.kind !== 'resolve') return undefined;
    if (!openInGated(route.path)) {
      const gate = refuseGate(repo, token, this.endpoint);
      if (gate) return gate;
    }
    return repo.file(route.revision, route.path)
      ? undefined
      : { status: 404, code: 'EntryNotFound', message: 'Entry not found' };
  }

  async #answerRoute(route: HubRoute, url: URL, token: HubToken | undefined, exchange: Exchange): Promise<void> {
    const { response } = exchange;
    if (route.kind === 'other') return;
    if (route.kind === 'whoami') return json(response, 200, whoAmI(token));
    if (route.kind === 'auth-check') return json(response, 200, 'OK');
    const repo = this.#repos.get(route.repo);
    const commit = repo?.at(route.revision);
    if (!repo || !commit) return;
    if (route.kind === 'info') return json(response, 200, modelInfo(repo.id, commit, repo.facts, url.searchParams));
    if (route.kind === 'tree')
      return this.#answerTree(response, url, treeEntries(commit, route.folder, isTrue(url, 'recursive')));
    const file = repo.file(route.revision, route.path);
    if (file) await this.#answerResolve(commit, file, exchange);
  }

  /** Where the Hub's own snapshotDownload begins: a POST with the names of files. */
  async #answerPaths(request: IncomingMessage, response: ServerResponse, commit: HubCommit | undefined): Promise<void> {
    const paths = await readPaths(request);
    if (!commit) return refuse(response, { status: 404, code: 'RevisionNotFound', message: 'Invalid rev id' }, false);
    const lastCommit = { id: commit.sha, title: 'commit', date: commit.date };
    const entries = treeEntries(commit, '', true).filter((entry) => paths.includes(entry.path));
    json(
      response,
      200,
      entries.map((entry) => Object.assign(entry, { lastCommit })),
    );
  }

  #answerTree(response: ServerResponse, url: URL, entries: readonly object[]): void {
    const page = Number(url.searchParams.get('limit') ?? this.#options.treePage ?? 1000);
    const start = Number(url.searchParams.get('cursor') ?? 0);
    if (start + page < entries.length) {
      url.searchParams.set('cursor', String(start + page));
      response.setHeader('Link', `<${this.endpoint}${url.pathname}${url.search}>; rel="next"`);
    }
    json(response, 200, entries.slice(start, start + page));
  }

  async #answerResolve(commit: HubCommit, file: HubFile, exchange: Exchange): Promise<void> {
    const { request, response, fault } = exchange;
    response.setHeader('X-Repo-Commit', commit.sha);
    response.setHeader('Accept-Ranges', 'bytes');
    if (!file.lfs) return this.#sendFile(file, `"${file.blobId}"`, exchange);
    response.setHeader('X-Linked-Size', file.content.size);
    response.setHeader('X-Linked-ETag', `"${file.lfs.sha256}"`);
    const location = fault?.kind === 'redirect' ? fault.location : this.#sign(file.lfs.sha256);
    response.writeHead(302, { Location: location, 'Content-Type': 'text/plain; charset=utf-8', Vary: 'Origin' });
    response.end(request.method === 'HEAD' ? undefined : `Found. Redirecting to ${location}`);
  }

  #sign(sha256: string): string {
    const expires = Math.floor(Date.now() / 1000) + (this.#options.signedUrlSeconds ?? 3600);
    const path = `/repos/${sha256.slice(0, 2)}/${sha256}`;
    return `${this.cdnOrigin}${path}?Expires=${expires}&Signature=${this.#signature(path, expires)}&Key-Pair-Id=TESTKEY`;
  }

  #signature(path: string, expires: number): string {
    return createHmac('sha256', this.#secret).update(`${path}:${expires}`).digest('hex');
  }

  async #answerCdn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.cdnOrigin);
    const file = this.#lfsFile(url.pathname.split('/').at(-1) ?? '');
    this.#log('cdn', request, file?.path ?? url.pathname);
    await this.#delay();
    const fault = this.faults.take('cdn', file?.path ?? url.pathname);
    if (applyWholeFault(fault, request, response)) return;
    const expires = Number(url.searchParams.get('Expires'));
    const good =
      url.searchParams.get('Signature') === this.#signature(url.pathname, expires) && expires * 1000 > Date.now();
    if (!good || !file) {
      response.writeHead(403, { 'Content-Type': 'application/xml' }).end('<Error><Code>AccessDenied</Code></Error>');
      return;
    }
    await this.#sendFile(file, `"${file.lfs?.sha256}"`, { request, response, fault });
  }

  #lfsFile(sha256: string): HubFile | undefined {
    for (const repo of this.#repos.values()) {
      const found = repo.head.files.find((file) => file.lfs?.sha256 === sha256);
      if (found) return found;
    }
    return undefined;
  }

  async #sendFile(file: HubFile, etag: string, { request, response, fault }: Exchange): Promise<void> {
    const size = file.content.size;
    const range = fault?.kind === 'ignore-range' ? undefined : parseRange(request.headers.range, size);
    if (range === null) {
      response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
      return;
    }
    const { start, end } = range ?? { start: 0, end: size };
    const shift = fault?.kind === 'content-range' ? fault.shift : 0;
    response.setHeader('ETag', etag);
    if (range) response.setHeader('Content-Range', `bytes ${start + shift}-${end - 1 + shift}/${size}`);
    const length = declaredLength(fault, end - start);
    if (length !== undefined) response.setHeader('Content-Length', length);
    response.writeHead(range ? 206 : 200, { 'Content-Type': file.lfs ? 'application/octet-stream' : 'text/plain' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const count = (bytes: number) => {
      this.#bytes += bytes;
    };
    await sendBody(response, file.content.chunks(start, end), { fault, throttle: this.faults.throttle, count });
  }

  #withinLimit(response: ServerResponse): boolean {
    const limit = this.#options.resolverLimit;
    if (!limit) return true;
    const now = Date.now();
    if (now - this.#window.started >= limit.windowSeconds * 1000) this.#window = { started: now, used: 0 };
    this.#window.used += 1;
    const left = Math.ceil((this.#window.started + limit.windowSeconds * 1000 - now) / 1000);
    response.setHeader('RateLimit', `"resolvers";r=${Math.max(0, limit.quota - this.#window.used)};t=${left}`);
    response.setHeader('RateLimit-Policy', `"fixed window";"resolvers";q=${limit.quota};w=${limit.windowSeconds}`);
    if (this.#window.used <= limit.quota) return true;
    response.writeHead(429, { 'Content-Type': 'text/plain' }).end('Too Many Requests');
    return false;
  }

  async #delay(): Promise<void> {
    if (this.faults.latency > 0) await new Promise((resolve) => setTimeout(resolve, this.faults.latency));
  }
}

function holdConnections(server: Server, milliseconds: number): void {
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    setTimeout(() => listeners.forEach((listener) => listener.call(server, socket)), milliseconds);
  });
}

export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const hub = new Hub(options);
  await hub.listen();
  return hub;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  fault: Fault | undefined;
}
