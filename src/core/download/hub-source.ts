import type { Answer } from './wire/answer.ts';
import { PullFailure, RangesIgnored, TransientError, redactedUrl } from './failure.ts';
import type { HttpClient } from './wire/http-client.ts';
import type { PullFile } from '../base/pull-file.ts';
import type { PullManifest } from './manifest.ts';
import { atEndpoint } from '../hub/endpoint-url.ts';
import { readRefusal, readWhoAnswer, type RefusalCode } from '../hub/read-refusal.ts';
import { describeRefusal } from './refusal.ts';

/** Limit of redirects for one request. The real Hub needs one, and two for a renamed repo. */
const longestChain = 5;

export interface OpenedBody {
  response: Answer;
  /** The range of the body in the file. */
  start: number;
  end: number;
}

/** Requests the files of one commit of one repo. The token is sent only to the Hub's own origin. */
export class HubSource {
  readonly client: HttpClient;
  readonly #manifest: PullManifest;
  readonly #origin: string;
  readonly #token: string | undefined;
  /** The Hub's answer about the token. It is requested once for all files. */
  #who: Promise<RefusalCode> | undefined;

  constructor(client: HttpClient, manifest: PullManifest, token: string | undefined) {
    this.client = client;
    this.#manifest = manifest;
    this.#origin = new URL(manifest.endpoint).origin;
    this.#token = token;
  }

  /**
   * Asks the Hub for a file. Returns a signed link to another origin, or the body from byte `start`: the Hub itself
   * sends small files.
   */
  async resolve(file: PullFile, start: number, signal: AbortSignal): Promise<URL | Answer> {
    let url = this.#fileUrl(file.path);
    const range: Record<string, string> = start > 0 ? { Range: `bytes=${start}-` } : {};
    for (let hop = 0; hop < longestChain; hop += 1) {
      const response = await this.client.get(url, { ...range, ...this.#authorization(url) }, signal);
      const status = response.status;
      if (status < 300) return response;
      const next = redirectTarget(response, url);
      if (!next) throw await this.#refused(response, file.path, url);
      response.discard();
      checkLinkedFile(response, file);
      if (next.origin !== this.#origin) return next;
      url = atEndpoint(this.#manifest.endpoint, next);
    }
    throw new TransientError('hub_protocol', `${new URL(this.#origin).host} redirects in a circle.`);
  }

  #fileUrl(path: string): URL {
    const { endpoint, repo, commit } = this.#manifest;
    return new URL(`${endpoint}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
  }

  #authorization(url: URL): Record<string, string> {
    return this.#token !== undefined && url.origin === this.#origin ? { Authorization: `Bearer ${this.#token}` } : {};
  }

  async #refused(response: Answer, path: string, url: URL): Promise<Error> {
    const status = response.status;
    const early = transientStatus(response, url);
    if (early) {
      response.discard();
      return early;
    }
    const errorMessage = response.header('x-error-message');
    const { repo } = this.#manifest;
    const withToken = this.#token !== undefined;
    const errorCode = response.header('x-error-code');
    const read = readRefusal({ status, errorCode, errorMessage, withToken, repo, asked: 'file' });
    if (errorMessage !== undefined) response.discard();
    const said = errorMessage ?? (await response.text());
    const code = read === 'ask_who' ? await this.#askWho() : read;
    if (!code) return new TransientError('hub_protocol', `${url.host} answered ${path} with status ${status}.`);
    return new PullFailure(code, describeRefusal(code, repo, path, said));
  }

  async #askWho(): Promise<RefusalCode> {
    this.#who ??= this.#readWho();
    try {
      return await this.#who;
    } catch (error) {
      this.#who = undefined;
      throw error;
    }
  }

  /** Throws a `TransientError` if the Hub gives no answer now. */
  async #readWho(): Promise<RefusalCode> {
    const url = new URL(`${this.#manifest.endpoint}/api/whoami-v2`);
    const response = await this.client.get(url, this.#authorization(url));
    response.discard();
    const code = readWhoAnswer(response.status);
    if (code) return code;
    throw (
      transientStatus(response, url) ??
      new TransientError('hub_protocol', `${url.host} does not say whether the token is valid.`)
    );
  }
}

/** Requests a part of a file from another origin by a signed link, without a token. */
export async function openLink(
  client: HttpClient,
  link: URL,
  part: { start: number; end: number; size: number; whole: boolean },
  signal: AbortSignal,
): Promise<Answer> {
  const headers: Record<string, string> = part.whole ? {} : { Range: `bytes=${part.start}-${part.end - 1}` };
  let url = link;
  for (let hop = 0; hop < longestChain; hop += 1) {
    const response = await client.get(url, headers, signal);
    const status = response.status;
    if (status < 300) return response;
    const next = redirectTarget(response, url);
    response.discard();
    if (!next) throw linkRefused(response, url);
    url = next;
  }
  throw new TransientError('hub_protocol', `${link.host} redirects in a circle.`, { expired: true });
}

function linkRefused(response: Answer, url: URL): Error {
  const status = response.status;
  const expired = status === 401 || status === 403 || status === 404 || status === 410;
  const message = `${url.host} refused a signed link with status ${status}.`;
  return transientStatus(response, url) ?? new TransientError('hub_protocol', message, { expired });
}

/** For 408, 429 and 5xx: another try may succeed. */
function transientStatus(response: Answer, url: URL): TransientError | undefined {
  const status = response.status;
  if (status === 429) return new TransientError('rate_limited', `${url.host} refuses more requests for now.`);
  if (status >= 500 || status === 408)
    return new TransientError('hub_unreachable', `${url.host} answered with status ${status}.`);
  return undefined;
}

function redirectTarget(response: Answer, from: URL): URL | undefined {
  const status = response.status;
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const next = URL.parse(response.header('location') ?? '', from.href);
  if (!next || !['http:', 'https:'].includes(next.protocol)) {
    throw new TransientError('hub_protocol', `${from.host} redirects to an address that is not valid.`);
  }
  if (from.protocol === 'https:' && next.protocol !== 'https:') {
    throw new TransientError('hub_protocol', `${from.host} redirects to ${redactedUrl(next)}, which is not encrypted.`);
  }
  return next;
}

/** The redirect states the size of its target. Another size than in the manifest means another file. */
function checkLinkedFile(response: Answer, file: PullFile): void {
  const size = response.header('x-linked-size');
  if (size === undefined || Number(size) === file.size) return;
  throw new TransientError('checksum_mismatch', `${file.path} has ${size} bytes on the Hub instead of ${file.size}.`);
}

/**
 * The range of the body in the file. Throws `RangesIgnored` if the server sends the whole file instead of a part, and a
 * `TransientError` if the body is not the file.
 */
export function bodyRange(response: Answer, file: PullFile, start: number, end: number): OpenedBody {
  const host = response.host;
  const status = response.status;
  if (response.header('content-encoding') !== undefined) {
    // A mirror compresses although it was asked not to. Parts of compressed bytes are of no use.
    if (status === 200 && start === 0 && end === file.size) return { response, start, end };
    response.discard();
    throw new RangesIgnored(`${host} compresses ${file.path}.`);
  }
  if (status === 206) {
    const range = response.header('content-range');
    if (range === `bytes ${start}-${end - 1}/${file.size}`) return { response, start, end };
    response.discard();
    throw new TransientError('hub_protocol', `${host} sent another part of ${file.path} than requested.`);
  }
  const length = response.header('content-length');
  const isPage = (response.header('content-type') ?? '').startsWith('text/html') && !/\.html?$/.test(file.path);
  if (status !== 200 || (length !== undefined && Number(length) !== file.size) || (length === undefined && isPage)) {
    response.discard();
    const what = isPage ? 'a web page' : `${length ?? 'an unknown number of'} bytes with status ${status}`;
    throw new TransientError('hub_protocol', `${host} sent ${what} instead of ${file.path} (${file.size} bytes).`);
  }
  if (start === 0 && end === file.size) return { response, start, end };
  response.discard();
  throw new RangesIgnored(`${host} ignores ranges.`);
}
