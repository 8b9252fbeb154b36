import { BlockList, isIPv4 } from 'node:net';
import { z } from 'zod';

const cidr = z.union([z.cidrv4(), z.cidrv6()], 'must be a range of addresses such as 10.0.0.0/8');
const portNumber = z.int().min(1).max(65535);
const words = z.record(z.string(), z.string());

const port = z.union([
  portNumber.transform((number) => ({ port: number, protocol: 'TCP' as const })),
  z.strictObject({
    port: portNumber,
    /** The last port of a range that begins with `port`. */
    end_port: portNumber.optional(),
    protocol: z.enum(['TCP', 'UDP']).default('TCP'),
  }),
]);

const rule = z
  .strictObject({
    cidr: cidr.optional(),
    /** Parts of `cidr` that stay out of reach. */
    except: z.array(cidr).default([]),
    /** Labels of namespaces. Without it, `pod_selector` selects pods of the region's namespace. */
    namespace_selector: words.optional(),
    pod_selector: words.optional(),
    /** Default: every port. */
    ports: z.array(port).default([]),
  })
  .superRefine((given, context) => {
    const wrong = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const selects = given.namespace_selector !== undefined || given.pod_selector !== undefined;
    if ((given.cidr === undefined) !== selects)
      wrong('cidr', 'give either cidr, or namespace_selector and pod_selector');
    const outside = given.except.find((each) => given.cidr === undefined || !isWithin(each, given.cidr));
    if (outside !== undefined) wrong('except', `${outside} must be a part of cidr`);
    for (const { port: first, end_port: last } of given.ports.map((each) => ({ end_port: undefined, ...each })))
      if (last !== undefined && last < first) wrong('ports', 'end_port must not be less than port');
  });

/** YAML 1.1, which Helm reads, takes a plain `off` for false. */
const off = z.union([z.literal('off'), z.literal(false).transform(() => 'off' as const)]);

/** What engines may call: a list of rules, or `off` for no limit. */
export const engineEgress = z.union([off, z.array(rule)]);

export type EngineEgress = z.output<typeof engineEgress>;
export type EgressRule = z.output<typeof rule>;

function isWithin(inner: string, outer: string): boolean {
  const [address = '', length = ''] = inner.split('/');
  const [base = '', bits = ''] = outer.split('/');
  if (isIPv4(address) !== isIPv4(base) || Number(length) < Number(bits)) return false;
  const family = isIPv4(base) ? 'ipv4' : 'ipv6';
  const range = new BlockList();
  range.addSubnet(base, Number(bits), family);
  return range.check(address, family);
}
