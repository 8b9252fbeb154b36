import { z } from 'zod';

export const configName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,46}[a-z0-9])?$/,
    'must be 1 to 48 lower-case letters, digits, "." and "-", with a letter or digit at both ends',
  );

/** The settings of an accelerator in every kind of region. */
export const acceleratorShape = {
  name: configName,
  total: z.int().nonnegative().optional(),
  /** Memory of one accelerator. */
  memory_gib: z.number().positive().optional(),
  /** Most accelerators on one node, if EcoLink cannot count them: it may not list nodes, or nodes scale from zero. */
  per_node: z.int().positive().optional(),
};
