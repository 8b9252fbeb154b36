/**
 * The address at the Hub's endpoint that an answer means. A mirror may be under a path, and may pass on addresses that the
 * original Hub wrote: paths from its root, and pages under its own host.
 */
export function atEndpoint(endpoint: string, url: URL): URL {
  const base = new URL(endpoint);
  const root = base.pathname.replace(/\/+$/, '');
  const isUnder = url.pathname === root || url.pathname.startsWith(`${root}/`);
  if (url.origin === base.origin && isUnder) return url;
  return new URL(`${base.origin}${isUnder ? '' : root}${url.pathname}${url.search}`);
}
