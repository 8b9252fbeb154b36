import { z } from 'zod';

/** Download progress as instances and volumes show it. */
export const progressSchema = z.object({
  done: z.number(),
  total: z.number(),
  /** Bytes per second. */
  rate: z.number(),
  seconds_left: z.number().nullable(),
});
export type Progress = z.infer<typeof progressSchema>;

/** Why something is in its state, as it is stored and shown. Codes are in `reasonCodes`. */
export const reasonSchema = z.object({ code: z.string(), message: z.string() });
export type Reason = z.infer<typeof reasonSchema>;
