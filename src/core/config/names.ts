import { z } from 'zod';

export const configName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,46}[a-z0-9])?$/,
    'must be 1 to 48 lower-case letters, digits, "." and "-", with a letter or digit at both ends',
  );

/** What every region says of an accelerator. */
export const acceleratorShape = {
  name: configName,
  total: z.int().nonnegative().optional(),
  /** Of each. */
  memory_gib: z.number().positive().optional(),
  /** The most on one node, where EcoLink cannot count: it may not look, or nodes come when they are needed. */
  per_node: z.int().positive().optional(),
};
