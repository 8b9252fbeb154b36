import { isIP } from 'node:net';
import { z } from 'zod';

/** What the server accepts from clients. Sizes are in MiB. */
export const httpSchema = z.strictObject({
  /** Proxies whose X-Forwarded-For is believed: addresses or networks. */
  trusted_proxies: z
    .array(z.string().refine(isNetwork, 'expected an address or a network, such as 10.0.0.0/8'))
    .default([]),
  connections: z.int().min(10).default(10_000),
  /** For each client address that is no trusted proxy. */
  connections_per_address: z.int().min(2).default(1000),
  /** Failed requests of one client address. Above it they get 429, and valid tokens still pass. */
  failures_per_minute: z.int().min(5).default(60),
  /** The largest JSON body of a model call. Images as data URLs fit. */
  body_mib: z.number().positive().max(1024).default(64),
  /** JSON bodies that the server holds at one time. */
  bodies_per_token_mib: z.number().positive().default(256),
  bodies_mib: z.number().positive().default(512),
});

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
