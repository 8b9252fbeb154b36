import { z } from 'zod';

const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `8h`, `2d`: how people write a duration, in the config and in operations. */
export const durationSchema = z
  .string()
  .regex(/^[1-9][0-9]*[mhd]$/, 'must be a number and m, h or d, such as 30m, 8h or 2d');

/** The milliseconds of a text that `durationSchema` accepts. */
export function durationMs(duration: string): number {
  return Number(duration.slice(0, -1)) * (unitMs[duration.slice(-1)] ?? 0);
}
