import { fail } from '../base/errors.ts';

export interface RepoReference {
  repo: string;
  /** The revision in the address. */
  revision?: string | undefined;
  /** The file that the address points at. */
  file?: string | undefined;
}

const hubHosts = /^(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com)$/;
const otherKinds = new Set(['datasets', 'spaces', 'collections', 'papers', 'docs', 'blog']);
const pages = new Set(['tree', 'blob', 'resolve', 'raw', 'blame', 'edit', 'commits', 'commit', 'discussions']);

/**
 * Reads a repo that people typed or pasted: `owner/name`, perhaps with spaces and slashes around it, or an address on the
 * Hub or on `endpoint`. Other texts are returned unchanged. The Hub's client refuses them as names.
 */
export function parseRepoReference(text: string, endpoint?: string): RepoReference {
  const trimmed = withoutWrapping(text);
  const address = addressOf(trimmed, endpoint);
  const path = (address ?? trimmed).replaceAll(/^[\s/]+|[\s/]+$/g, '');
  if (address === undefined || /^hf:/i.test(trimmed)) return withRevision(path);
  const segments = path.split('/').map(decode);
  if (segments[0] === 'api') segments.shift();
  if (segments[0] === 'models') segments.shift();
  if (otherKinds.has(segments[0] ?? '')) throw notAModelRepo(segments[0] ?? '', trimmed);
  const at = segments.findIndex((segment, index) => index >= 1 && index <= 2 && pages.has(segment));
  const repo = segments.slice(0, at === -1 ? 2 : at).join('/');
  const page = at === -1 ? undefined : segments[at];
  if (page === undefined) return withRevision(repo.replace(/\.git$/, ''));
  if (page === 'discussions') return { repo };
  const rest = segments.slice(at + 1);
  // References of the Hub contain slashes: refs/pr/3.
  const length = rest[0] === 'refs' && rest.length >= 3 ? 3 : 1;
  const revision = rest.slice(0, length).join('/');
  const file = ['blob', 'resolve', 'raw'].includes(page) ? rest.slice(length).join('/') : '';
  return { repo, revision: revision === '' ? undefined : revision, file: file === '' ? undefined : file };
}

/** Removes what comes along when people copy: quotes, spaces that nobody sees, the command of a clone. */
function withoutWrapping(text: string): string {
  const wrapping = /^[\s<"'`\u200B-\u200D\u2060\uFEFF]+|[\s>"'`\u200B-\u200D\u2060\uFEFF]+$/gu;
  const bare = text.replaceAll(wrapping, '').replace(/^git\s+clone\s+/i, '');
  return bare.replace(/^git@(hf\.co|huggingface\.co):/i, 'https://$1/');
}

/** `owner/name@revision`, as EcoLink's own lists and `hf://` addresses write it. */
function withRevision(text: string): RepoReference {
  const at = text.indexOf('@');
  return at > 0 && at < text.length - 1 ? { repo: text.slice(0, at), revision: text.slice(at + 1) } : { repo: text };
}

/** The path of an address on the Hub, without query and fragment. Undefined for other texts. */
function addressOf(text: string, endpoint: string | undefined): string | undefined {
  const scheme = /^hf:\/\//i.test(text) ? text.replace(/^hf:\/\//i, 'https://huggingface.co/') : text;
  const withScheme = /^https?:\/\//i.test(scheme) ? scheme : `https://${scheme}`;
  const url = URL.parse(withScheme);
  if (url === null) return undefined;
  const own = endpoint === undefined ? undefined : URL.parse(endpoint);
  const isOwn = own !== null && own?.host === url.host && withScheme === scheme;
  if (!isOwn && !hubHosts.test(url.hostname)) return undefined;
  const base = isOwn && own ? own.pathname.replace(/\/$/, '') : '';
  return url.pathname.startsWith(base) ? url.pathname.slice(base.length) : undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function notAModelRepo(kind: string, text: string): Error {
  return fail('bad_repo', `${text.slice(0, 100)} is the address of one of the Hub's ${kind}, not of a model.`, {
    nextStep: "Give the address of a model's page, or its owner/name.",
    field: 'repo',
  });
}
