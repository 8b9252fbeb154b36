import { listFiles, modelInfo } from '@huggingface/hub';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { PullFile } from '../base/pull-file.ts';
import { boundedAnswer } from './bounded-answer.ts';
import { atEndpoint } from './endpoint-url.ts';
import { checkRepoName, checkRevision, FailedAnswer, hubError, notAHub, tokenRefused } from './hub-errors.ts';
import type { Asked, HubAnswer } from './hub-errors.ts';
import { mostFiles, parseRepoInfo, parseTreeEntry, tooManyFiles } from './listing.ts';
import { readRefusal, readWhoAnswer, type RefusalCode } from './read-refusal.ts';

/** A credential for calls to the Hub. Messages show its name, requests send its token. */
export interface HubCredential {
  name: string;
  token: string;
  /** Id of a stored credential. Undefined for the one of the environment. */
  id?: string;
  /** Name of the owner of a stored credential. */
  owner?: string;
}

/** A repo at one commit. Strangers wrote all of it, so it is checked and cut. */
export interface RepoSnapshot {
  repo: string;
  commit: string;
  files: PullFile[];
  gated: boolean;
  private: boolean;
  licence?: string;
  task?: string;
  tags: string[];
  parameters?: number;
}

export interface Hub {
  readonly endpoint: string;
  /** The name of the account that the token belongs to. Throws `token_refused` if the Hub does not accept it. */
  account(credential: HubCredential): Promise<string>;
  /** Resolves the revision to a commit and lists its files. */
  inspect(repo: string, revision: string, credential: HubCredential | undefined): Promise<RepoSnapshot>;
  /** Asks for the first byte of a file. The metadata of gated repos is public, so only this tells whether the token may download. */
  probe(repo: string, commit: string, path: string, credential: HubCredential | undefined): Promise<void>;
  /** A small text file. Undefined if it is larger than `maximumBytes`. */
  readText(
    repo: string,
    commit: string,
    path: string,
    maximumBytes: number,
    credential: HubCredential | undefined,
  ): Promise<string | undefined>;
  /** The first bytes of a file, at most so many. Its place may ignore ranges: no more is read all the same. */
  readHead(
    repo: string,
    commit: string,
    path: string,
    bytes: number,
    credential: HubCredential | undefined,
  ): Promise<Buffer>;
}

export interface HubOptions {
  /** Limit of each request in milliseconds. The client library has none. */
  timeoutMs?: number;
}

type HubFetch = typeof globalThis.fetch;
type Call = <T>(
  asked: Asked,
  credential: HubCredential | undefined,
  work: (hubFetch: HubFetch) => Promise<T>,
) => Promise<T>;

/** Reads HTTPS_PROXY and NO_PROXY. */
const dispatcher = new EnvHttpProxyAgent();
const fields = ['sha', 'cardData', 'disabled', 'safetensors', 'tags'] as const;
const longestChain = 5;
/** The Hub sends 1,000 entries of a tree at a time, each with a path of at most 4 KiB. */
const mostAnswerBytes = 16 * 1024 ** 2;
/** Requests of one call. The Hub needs 40 for the most files and folders that a model may have. A mirror may have smaller pages. */
const mostRequests = 500;
/** A call may take so many times as long as one request. */
const longestCall = 3;

export function createHub(endpoint: string, options: HubOptions = {}): Hub {
  const call = caller(endpoint, options.timeoutMs ?? 20_000);
  const at = (repo: string, revision: string, credential: HubCredential | undefined, path?: string): Asked => ({
    repo,
    revision,
    credential: credential?.name,
    ...(path === undefined ? {} : { path }),
  });
  return {
    endpoint,
    account: (credential) =>
      call({ repo: 'whoami', revision: '', credential: credential.name }, credential, async (hubFetch) => {
        const response = await hubFetch(`${endpoint}/api/whoami-v2`).catch((thrown: unknown) => {
          throw whoOf(thrown) === 'token_refused' ? tokenRefused(credential.name) : thrown;
        });
        const who = (await response.json()) as { name?: unknown };
        if (typeof who.name !== 'string') throw notAHub();
        return who.name.slice(0, 100);
      }),
    async inspect(repo, revision, credential) {
      checkRepoName(repo);
      checkRevision(revision);
      return call(at(repo, revision, credential), credential, async (hubFetch) => {
        const common = { hubUrl: endpoint, fetch: hubFetch };
        const info = await modelInfo({ name: repo, revision, additionalFields: [...fields], ...common });
        const about = parseRepoInfo(info);
        const files: PullFile[] = [];
        let folders = 0;
        // By the commit, because the branch may move between the two calls.
        for await (const entry of listFiles({ repo, revision: about.commit, recursive: true, ...common })) {
          const file = parseTreeEntry(entry);
          if (file) files.push(file);
          else folders += 1;
          if (Math.max(files.length, folders) > mostFiles) throw tooManyFiles(repo);
        }
        if (!Number.isSafeInteger(files.reduce((sum, { size }) => sum + size, 0))) throw notAHub();
        return { repo, ...about, files };
      });
    },
    probe: (repo, commit, path, credential) =>
      call(at(repo, commit, credential, path), credential, (hubFetch) =>
        probe(hubFetch, endpoint, resolveUrl(endpoint, repo, commit, path)),
      ),
    readText: (repo, commit, path, maximumBytes, credential) =>
      call(at(repo, commit, credential, path), credential, async (hubFetch) => {
        const response = await hubFetch(resolveUrl(endpoint, repo, commit, path));
        return textUpTo(response, maximumBytes);
      }),
    readHead: (repo, commit, path, bytes, credential) =>
      call(at(repo, commit, credential, path), credential, async (hubFetch) => {
        const headers = { range: `bytes=0-${bytes - 1}` };
        return headOf(await hubFetch(resolveUrl(endpoint, repo, commit, path), { headers }), bytes);
      }),
  };
}

export function resolveUrl(endpoint: string, repo: string, commit: string, path: string): string {
  return `${endpoint}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Follows redirects of the Hub itself, such as of a renamed repo. A redirect to another origin is the link to the bytes, and ends it. */
async function probe(hubFetch: HubFetch, endpoint: string, url: string): Promise<void> {
  let next = url;
  for (let hop = 0; hop < longestChain; hop += 1) {
    const response = await hubFetch(next, { headers: { range: 'bytes=0-0' }, redirect: 'manual' });
    await response.body?.cancel();
    const target = response.headers.get('location');
    if (response.status < 300 && isPage(response)) throw notAHub();
    if (response.status < 300 || target === null) return;
    const resolved = new URL(target, next);
    if (resolved.origin !== new URL(next).origin) return;
    next = atEndpoint(endpoint, resolved).href;
  }
  throw notAHub();
}

function isPage(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/html') ?? false;
}

async function headOf(response: Response, bytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let read = 0;
  // Leaving the loop cancels the body.
  for await (const piece of response.body ?? []) {
    pieces.push(piece);
    read += piece.length;
    if (read >= bytes) break;
  }
  return Buffer.concat(pieces).subarray(0, bytes);
}

async function textUpTo(response: Response, maximumBytes: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > maximumBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/**
 * Makes calls with a fetch that does what the client library leaves out. It gives up after a time. It keeps the headers of
 * a failing answer, which tell one failure from another. It asks only the endpoint, whatever a `Link` header says, and
 * only the endpoint's origin gets the token.
 */
function caller(endpoint: string, timeoutMs: number): Call {
  return async (asked, credential, work) => {
    const deadline = AbortSignal.timeout(timeoutMs * longestCall);
    let requests = 0;
    const hubFetch: HubFetch = async (input, init) => {
      requests += 1;
      // A list whose pages never end.
      if (requests > mostRequests) throw tooManyFiles(asked.repo);
      const url = atEndpoint(endpoint, new URL(input instanceof Request ? input.url : input));
      const headers = new Headers(init?.headers);
      if (credential) headers.set('authorization', `Bearer ${credential.token}`);
      const response = await fetch(url, {
        headers: Object.fromEntries(headers),
        redirect: init?.redirect ?? 'follow',
        dispatcher,
        signal: AbortSignal.any([deadline, AbortSignal.timeout(timeoutMs)]),
      });
      if (response.status < 400) return boundedAnswer(response, mostAnswerBytes);
      await response.body?.cancel();
      throw new FailedAnswer(answerOf(response));
    };
    try {
      return await work(hubFetch);
    } catch (thrown) {
      const read = refusalOf(thrown, asked);
      throw hubError(thrown, asked, read === 'ask_who' ? await askWho(hubFetch, endpoint, asked) : read);
    }
  };
}

/** Tells a bad token from a hidden repo. Throws if the Hub cannot say now. */
async function askWho(hubFetch: HubFetch, endpoint: string, asked: Asked): Promise<RefusalCode> {
  try {
    const who = await hubFetch(`${endpoint}/api/whoami-v2`);
    await who.body?.cancel();
    return 'repo_not_found';
  } catch (thrown) {
    const code = whoOf(thrown);
    if (code) return code;
    throw hubError(thrown, asked);
  }
}

function refusalOf(thrown: unknown, { repo, credential, path }: Asked): ReturnType<typeof readRefusal> {
  if (!(thrown instanceof FailedAnswer)) return undefined;
  const { status, code, message } = thrown.answer;
  const asked = path === undefined ? 'repo' : 'file';
  const withToken = credential !== undefined;
  return readRefusal({ status, errorCode: code, errorMessage: message, withToken, repo, asked });
}

/** What a failed `whoami-v2` says about the token. */
function whoOf(thrown: unknown): ReturnType<typeof readWhoAnswer> {
  return thrown instanceof FailedAnswer ? readWhoAnswer(thrown.answer.status) : undefined;
}

function answerOf({ status, headers }: Response): HubAnswer {
  return {
    status,
    code: headers.get('x-error-code') ?? undefined,
    message: headers.get('x-error-message') ?? undefined,
    retryAfter: secondsToWait(headers),
  };
}

/** From `Retry-After`: seconds, or a date, which counts from the Hub's own `Date`. Otherwise from `RateLimit`, which names the end of its window (`t=`). */
function secondsToWait(headers: Headers): number | undefined {
  const after = headers.get('retry-after');
  const window = /(?:^|[;,\s])t=(\d{1,6})/.exec(headers.get('ratelimit') ?? '')?.[1];
  if (after === null) return window === undefined ? undefined : Number(window);
  const seconds = /^\d{1,6}$/.test(after)
    ? Number(after)
    : Math.ceil((Date.parse(after) - Date.parse(headers.get('date') ?? '')) / 1000);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
