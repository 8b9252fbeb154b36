import { z } from 'zod';
import { durationSchema } from '../base/duration.ts';

/** The gateway as a process of its own. */
export const gatewaySchema = z.strictObject({
  /** Whether the server starts one on its machine. */
  start: z.boolean().default(true),
  /** Where a gateway listens. */
  port: z.int().min(0).max(65535).default(7421),
  /** How long calls go on without word from the server. A revocation waits as long. */
  stale_after: durationSchema.default('1h'),
  /** How long open calls may take when a gateway ends. */
  drain: durationSchema.default('10m'),
});
