import type { HubRepo } from './repo.ts';

/** An access token, as its owner sees it in the settings. */
export interface HubToken {
  user: string;
  /** False: a fine-grained token without the permission to read gated repos. */
  gatedScope: boolean;
  revoked: boolean;
}

export interface Refusal {
  status: number;
  code?: string;
  message: string;
}

const badCredentials: Refusal = { status: 401, message: 'Invalid username or password.' };

/** Whether a bearer is good at all: an unknown one is refused everywhere, on public repos too. */
export function refuseToken(token: HubToken | undefined, bearer: string | undefined): Refusal | undefined {
  if (bearer === undefined) return undefined;
  return token && !token.revoked ? undefined : badCredentials;
}

/** Whether the repo exists for this caller: metadata and tree of a gated repo are public, those of a private one are not. */
export function refuseRepo(repo: HubRepo | undefined, token: HubToken | undefined): Refusal | undefined {
  if (!repo || (repo.facts.private && !owns(repo, token))) {
    return token ? { status: 404, code: 'RepoNotFound', message: 'Repository not found' } : badCredentials;
  }
  if (repo.facts.disabled) return { status: 403, message: 'Access to this resource is disabled.' };
  return undefined;
}

/** Whether a file of a gated repo may be read; the sentences are those of the Hub. */
export function refuseGate(repo: HubRepo, token: HubToken | undefined, endpoint: string): Refusal | undefined {
  if (!repo.facts.gated || owns(repo, token)) return undefined;
  const restricted = `Access to model ${repo.id} is restricted`;
  if (!token) {
    return gated(401, `${restricted}. You must have access to it and be authenticated to access it. Please log in.`);
  }
  const state = repo.gate.get(token.user) ?? 'none';
  if (state === 'pending')
    return gated(403, `Your request to access model ${repo.id} is awaiting a review from the repo authors.`);
  if (state === 'rejected')
    return gated(403, `Your request to access model ${repo.id} has been rejected by the repo's authors.`);
  if (state === 'none') {
    return gated(
      403,
      `${restricted} and you are not in the authorized list. Visit ${endpoint}/${repo.id} to ask for access.`,
    );
  }
  if (token.gatedScope) return undefined;
  return gated(
    403,
    'Please enable access to public gated repositories in your fine-grained token settings to view this repository.',
  );
}

function owns(repo: HubRepo, token: HubToken | undefined): boolean {
  return token !== undefined && repo.owner === token.user;
}

/** Files that everyone may read even where the repo is gated. */
export function openInGated(path: string): boolean {
  return path === 'README.md' || path === '.gitattributes' || path.startsWith('LICENSE');
}

function gated(status: number, message: string): Refusal {
  return { status, code: 'GatedRepo', message };
}
