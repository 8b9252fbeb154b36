/**
 * The addresses outside `allowed` ("127.0.0.1:4873") that a program connected to, from the output of
 * `strace -f -e trace=connect`. Sockets of this machine (AF_UNIX, AF_NETLINK) do not count.
 */
export function connectionsOutside(trace: string, allowed: string): string[] {
  const found = new Set<string>();
  for (const line of trace.split('\n')) {
    if (!/\bconnect\(/.test(line) || !line.includes('AF_INET')) continue;
    const port = /htons\((\d+)\)/.exec(line)?.[1];
    const host = /inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(line);
    const address = `${host?.[1] ?? host?.[2] ?? '?'}:${port ?? '?'}`;
    if (address !== allowed) found.add(address);
  }
  return [...found];
}
