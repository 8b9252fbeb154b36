import { z } from 'zod';
import { durationSchema } from '../base/duration.ts';

/** The gateway as a process of its own. */
export const gatewaySchema = z.strictObject({
  /** Whether the server starts one on its machine. Default: yes, except in a container or if it got ECOLINK_GATEWAY_CREDENTIAL. */
  start: z.boolean().optional(),
  /** Where it listens. Default: the server's port and one. */
  port: z.int().min(1).max(65535).optional(),
  /** How long calls go on without word from the server. A revocation waits as long. */
  stale_after: durationSchema.default('1h'),
  /** How long open calls may take when a gateway ends. */
  drain: durationSchema.default('10m'),
});
