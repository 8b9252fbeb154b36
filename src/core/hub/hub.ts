import { listFiles, modelInfo } from '@huggingface/hub';
import { EnvHttpProxyAgent, fetch } from 'undici';
import type { PullFile } from '../download/manifest.ts';
import { checkRepoName, checkRevision, hubError, tokenRefused } from './hub-errors.ts';
import type { Asked, HubAnswer } from './hub-errors.ts';

/** A credential as the Hub's client needs it: the name for words, the value for the wire. */
export interface HubCredential {
  name: string;
  token: string;
}

/** A repo at one commit. Everything in it was written by strangers: typed and capped, never instructions. */
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
  /** Resolves the revision to a commit and lists its files. */
  inspect(repo: string, revision: string, credential: HubCredential | undefined): Promise<RepoSnapshot>;
  /** Asks for the first byte of a file: metadata of gated repos is public, so only this tells whether a token can download. */
  probe(repo: string, commit: string, path: string, credential: HubCredential | undefined): Promise<void>;
  /** A small text file; undefined where it is absent or larger than `maximumBytes`. */
  readText(
    repo: string,
    commit: string,
    path: string,
    maximumBytes: number,
    credential: HubCredential | undefined,
  ): Promise<string | undefined>;
}

const timeoutMs = 20_000;
/** Honours HTTPS_PROXY and NO_PROXY, which companies have. */
const dispatcher = new EnvHttpProxyAgent();
const fields = ['sha', 'cardData', 'disabled', 'safetensors', 'tags'] as const;

export function createHub(endpoint: string): Hub {
  return {
    endpoint,
    async inspect(repo, revision, credential) {
      checkRepoName(repo);
      checkRevision(revision);
      return watched(endpoint, { repo, revision, credential: credential?.name }, credential, async (watchedFetch) => {
        const common = {
          hubUrl: endpoint,
          fetch: watchedFetch,
          ...(credential ? { accessToken: credential.token } : {}),
        };
        const info = await modelInfo({
          name: repo,
          revision: encodeURIComponent(revision),
          additionalFields: [...fields],
          ...common,
        });
        const files: PullFile[] = [];
        for await (const entry of listFiles({ repo, revision: info.sha, recursive: true, ...common })) {
          if (entry.type === 'file') files.push(toPullFile(entry));
        }
        return snapshot(repo, info, files);
      });
    },
    async probe(repo, commit, path, credential) {
      await watched(
        endpoint,
        { repo, revision: commit, credential: credential?.name },
        credential,
        async (watchedFetch) => {
          const response = await watchedFetch(resolveUrl(endpoint, repo, commit, path), {
            headers: { range: 'bytes=0-0', ...authorization(credential) },
            // A redirect is the answer: the Hub hands out the link. The second origin never sees the token.
            redirect: 'manual',
          });
          await response.body?.cancel();
        },
      );
    },
    async readText(repo, commit, path, maximumBytes, credential) {
      return watched(
        endpoint,
        { repo, revision: commit, credential: credential?.name },
        credential,
        async (watchedFetch) => {
          const response = await watchedFetch(resolveUrl(endpoint, repo, commit, path), {
            headers: authorization(credential),
          });
          const text = await response.text();
          return text.length > maximumBytes ? undefined : text;
        },
      );
    },
  };
}

export function resolveUrl(endpoint: string, repo: string, commit: string, path: string): string {
  return `${endpoint}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

function authorization(credential: HubCredential | undefined): Record<string, string> {
  return credential ? { authorization: `Bearer ${credential.token}` } : {};
}

/**
 * Runs calls with a fetch that remembers the failing answer: the client library drops the headers that tell one
 * failure from another, and waits for ever.
 */
async function watched<T>(
  endpoint: string,
  asked: Asked,
  credential: HubCredential | undefined,
  work: (watchedFetch: typeof globalThis.fetch) => Promise<T>,
): Promise<T> {
  let failed: HubAnswer | undefined;
  const watchedFetch: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input as string, {
      ...(init as Parameters<typeof fetch>[1]),
      dispatcher,
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status >= 400) {
      failed = answerOf(response as unknown as Response);
      throw new Error(`status ${response.status}`);
    }
    return response as unknown as Response;
  };
  try {
    return await work(watchedFetch);
  } catch (thrown) {
    if (
      failed?.status === 401 &&
      failed.code !== 'GatedRepo' &&
      credential &&
      (await tokenIsBad(endpoint, credential))
    ) {
      throw tokenRefused(credential.name);
    }
    throw hubError(thrown, failed, asked);
  }
}

function answerOf(response: Response): HubAnswer {
  return {
    status: response.status,
    code: response.headers.get('x-error-code') ?? undefined,
    message: response.headers.get('x-error-message') ?? undefined,
    retryAfter: response.headers.get('retry-after') ?? undefined,
  };
}

async function tokenIsBad(endpoint: string, credential: HubCredential): Promise<boolean> {
  const response = await fetch(`${endpoint}/api/whoami-v2`, {
    headers: authorization(credential),
    dispatcher,
    signal: AbortSignal.timeout(timeoutMs),
  }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 401;
}

interface TreeEntry {
  path: string;
  size: number;
  oid?: string;
  lfs?: { oid: string; size: number };
}

function toPullFile(entry: TreeEntry): PullFile {
  if (entry.lfs) return { path: entry.path, size: entry.lfs.size, sha256: entry.lfs.oid };
  return { path: entry.path, size: entry.size, ...(entry.oid ? { blob_id: entry.oid } : {}) };
}

type Info = Awaited<ReturnType<typeof modelInfo<(typeof fields)[number]>>>;

function snapshot(repo: string, info: Info, files: PullFile[]): RepoSnapshot {
  const licence = (info.cardData as { license?: unknown } | undefined)?.license;
  return {
    repo,
    commit: info.sha,
    files,
    gated: Boolean(info.gated),
    private: info.private,
    tags: (info.tags ?? []).slice(0, 100).map((tag) => tag.slice(0, 100)),
    ...(typeof licence === 'string' ? { licence: licence.slice(0, 100) } : {}),
    ...(info.task ? { task: info.task.slice(0, 100) } : {}),
    ...(typeof info.safetensors?.total === 'number' ? { parameters: info.safetensors.total } : {}),
  };
}
