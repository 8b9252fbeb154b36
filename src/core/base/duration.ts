import { z } from 'zod';

const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `8h`, `2d`: how people write a length of time, in the config and in operations. */
export const spanSchema = z
  .string()
  .regex(/^[1-9][0-9]*[mhd]$/, 'must be a number and m, h or d, such as 30m, 8h or 2d');

export function spanMs(span: string): number {
  return Number(span.slice(0, -1)) * (unitMs[span.slice(-1)] ?? 0);
}
