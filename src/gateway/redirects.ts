/** A redirect of a replica, and what the gateway does with it. */
export type Redirects =
  /** The OpenAI API has none. A client would follow one with its token, to wherever the engine says. */
  | { kind: 'refused' }
  /** Only to paths of the same replica, which are below `path` on the side of the caller. */
  | { kind: 'rewritten'; path: string };

export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

/**
 * Where a caller of the proxy finds what `location` names. Undefined if that is outside the replica. `base`: the URL of the
 * replica; `from`: the path of the call at the replica, which relative locations refer to.
 */
export function rewrittenLocation(
  location: string,
  { base, from, path }: { base: string; from: string; path: string },
): string | undefined {
  const root = new URL(base.endsWith('/') ? base : `${base}/`);
  const target = URL.parse(location, root.origin + from);
  if (target === null || target.origin !== root.origin || !target.pathname.startsWith(root.pathname)) return undefined;
  const rest = target.pathname.slice(root.pathname.length);
  return `${path}/${rest}${target.search}${target.hash}`;
}
