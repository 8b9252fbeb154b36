import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { listeningPort } from '../core/base/listening-port.ts';
import { makeCommit, modelInfo, parseRange, treeEntries, usuallyLfs } from './hub-repo.ts';
import type { HubCommit, HubContent, HubFile, HubModelFacts } from './hub-repo.ts';
import { routeOf } from './hub-routes.ts';

export interface LoopbackRepo {
  id: string;
  files: ReadonlyMap<string, HubContent>;
  facts?: HubModelFacts;
}

export interface LoopbackHub extends AsyncDisposable {
  /** Base URL, without a trailing slash. */
  readonly endpoint: string;
  close(): Promise<void>;
}

interface ServedRepo {
  id: string;
  facts: HubModelFacts;
  commit: HubCommit;
}

/**
 * A Hugging Face Hub on this machine with a few public repos. It has enough of the protocol to register and download a
 * model without a network. A repo has one commit. `bytesPerSecond` slows down each file, so that progress can be seen.
 */
export async function startLoopbackHub(repos: readonly LoopbackRepo[], bytesPerSecond?: number): Promise<LoopbackHub> {
  const served = new Map(repos.map((repo) => [repo.id, serve(repo)]));
  const server = createServer((request, response) => answer(served, bytesPerSecond, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => closeServer(server);
  const endpoint = `http://127.0.0.1:${listeningPort(server)}`;
  return { endpoint, close, [Symbol.asyncDispose]: close };
}

function serve(repo: LoopbackRepo): ServedRepo {
  return { id: repo.id, facts: repo.facts ?? {}, commit: makeCommit(repo.id, '', repo.files, usuallyLfs) };
}

function answer(
  served: ReadonlyMap<string, ServedRepo>,
  pace: number | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const url = new URL(request.url ?? '/', 'http://loopback');
  const route = routeOf(url.pathname);
  if (route.kind === 'whoami') return refuse(response, 401, undefined, 'Invalid username or password.');
  if (route.kind === 'other') return refuse(response, 404, undefined, 'Not found');
  const repo = served.get(route.repo);
  if (!repo) return refuse(response, 404, 'RepoNotFound', 'Repository not found');
  if (route.kind === 'auth-check') return json(response, 200, 'OK');
  if (!['main', 'HEAD', repo.commit.sha].includes(route.revision)) {
    return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${route.revision}`);
  }
  if (route.kind === 'info') return json(response, 200, modelInfo(repo.id, repo.commit, repo.facts, url.searchParams));
  if (route.kind === 'tree') {
    return json(response, 200, treeEntries(repo.commit, route.folder, url.searchParams.get('recursive') === 'true'));
  }
  const file = repo.commit.files.find((candidate) => candidate.path === route.path);
  if (!file) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
  return sendFile(request, response, repo.commit, file, pace);
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  commit: HubCommit,
  file: HubFile,
  pace: number | undefined,
): void {
  const size = file.content.size;
  const range = parseRange(request.headers.range, size);
  response.setHeader('X-Repo-Commit', commit.sha);
  response.setHeader('ETag', `"${file.lfs?.sha256 ?? file.blobId}"`);
  response.setHeader('Accept-Ranges', 'bytes');
  if (range === null) {
    response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${size}`);
  response.writeHead(range ? 206 : 200, { 'Content-Length': end - start, 'Content-Type': 'application/octet-stream' });
  if (request.method === 'HEAD') response.end();
  else void sendChunks(response, file.content.chunks(start, end), pace);
}

async function sendChunks(response: ServerResponse, chunks: Iterable<Buffer>, pace: number | undefined): Promise<void> {
  const piece = pace === undefined ? Infinity : Math.ceil(pace / piecesPerSecond);
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += piece) {
      if (response.destroyed) return;
      if (!response.write(chunk.subarray(at, at + piece)))
        await Promise.race([once(response, 'drain'), once(response, 'close')]);
      if (pace !== undefined) await delay(1000 / piecesPerSecond);
    }
  }
  response.end();
}

const piecesPerSecond = 20;

function refuse(response: ServerResponse, status: number, code: string | undefined, message: string): void {
  if (code) response.setHeader('X-Error-Code', code);
  response.setHeader('X-Error-Message', message);
  json(response, status, { error: message });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
