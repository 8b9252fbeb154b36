/** The paths of the Hub that a client of models uses. */
export type HubRoute =
  | { kind: 'info'; repo: string; revision: string }
  | { kind: 'tree'; repo: string; revision: string; folder: string }
  | { kind: 'auth-check'; repo: string }
  | { kind: 'whoami' }
  | { kind: 'resolve'; repo: string; revision: string; path: string }
  | { kind: 'other' };

const repo = String.raw`([\w.-]+(?:/[\w.-]+)?)`;
const patterns = {
  revision: new RegExp(`^/api/models/${repo}/revision/([^/]+)$`),
  tree: new RegExp(`^/api/models/${repo}/tree/([^/]+)(?:/(.*))?$`),
  authCheck: new RegExp(`^/api/models/${repo}/auth-check$`),
  info: new RegExp(`^/api/models/${repo}$`),
  resolve: new RegExp(`^/${repo}/resolve/([^/]+)/(.+)$`),
};

export function routeOf(pathname: string): HubRoute {
  if (pathname === '/api/whoami-v2') return { kind: 'whoami' };
  const text = (value: string | undefined) => decodeURIComponent(value ?? '');
  const tree = patterns.tree.exec(pathname);
  if (tree) return { kind: 'tree', repo: text(tree[1]), revision: text(tree[2]), folder: text(tree[3]) };
  const revision = patterns.revision.exec(pathname);
  if (revision) return { kind: 'info', repo: text(revision[1]), revision: text(revision[2]) };
  const check = patterns.authCheck.exec(pathname);
  if (check) return { kind: 'auth-check', repo: text(check[1]) };
  const info = patterns.info.exec(pathname);
  if (info) return { kind: 'info', repo: text(info[1]), revision: 'main' };
  const resolve = patterns.resolve.exec(pathname);
  if (resolve) return { kind: 'resolve', repo: text(resolve[1]), revision: text(resolve[2]), path: text(resolve[3]) };
  return { kind: 'other' };
}
