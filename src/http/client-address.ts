import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Where requests come from, behind proxies that the configuration names. */
export interface ClientAddresses {
  /** The address that limits count. One IPv6 network (/64) is one client: it has more addresses than any table. */
  of(request: IncomingMessage): string;
  /** The same for a connection. Undefined for a trusted proxy, which has no limit of its own. */
  ofConnection(remoteAddress: string | undefined): string | undefined;
}

export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = new BlockList();
  for (const network of trustedProxies) addNetwork(trusted, network);
  const isTrusted = (address: string): boolean => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return {
    of({ socket, headers }) {
      let client = plain(socket.remoteAddress ?? '');
      // Each proxy appends the address that it saw. What a client wrote itself stands before them.
      const forwarded = [headers['x-forwarded-for'] ?? ''].flat().join(',').split(',').toReversed();
      for (const hop of forwarded) {
        const address = plain(hop.trim());
        if (!isTrusted(client) || isIP(address) === 0) break;
        client = address;
      }
      return networkOf(client);
    },
    ofConnection(remoteAddress = '') {
      const address = plain(remoteAddress);
      return isTrusted(address) ? undefined : networkOf(address);
    },
  };
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', bits] = network.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}

/** An IPv4 client of a socket for both families reads `::ffff:10.0.0.1`. Some proxies append a port. */
function plain(address: string): string {
  const withoutPort = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(address);
  const bare = (withoutPort?.[1] ?? withoutPort?.[2] ?? address).replace(/%.*$/, '');
  return bare.replace(/^::ffff:(?=[\d.]+$)/i, '');
}

function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  // URL writes IPv6 in its one canonical form.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
