import { z } from 'zod';
import { acceleratorShape, configName } from './names.ts';
import { pathSetting } from './paths.ts';
import type { RegionSettings } from './region-settings.ts';

/**
 * `devices`: what `devices_variable` calls each accelerator, such as 0, 1, or the UUID of a GPU. With it, each replica gets
 * devices of its own, and a launch without an accelerator sees none.
 */
const localAccelerator = z
  .strictObject({
    ...acceleratorShape,
    devices: z
      .array(z.union([z.int().nonnegative(), z.string().regex(/^[\w:/.-]+$/)]).transform(String))
      .min(1)
      .optional(),
    devices_variable: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/)
      .default('CUDA_VISIBLE_DEVICES'),
  })
  .transform((each) => ({ ...each, total: each.total ?? each.devices?.length }));

function refuseSharedDevices(
  accelerators: readonly { devices?: string[] | undefined }[],
  context: z.RefinementCtx,
): void {
  const all = accelerators.flatMap(({ devices = [] }) => devices);
  const twice = all.find((device, index) => all.indexOf(device) !== index);
  if (twice !== undefined)
    context.addIssue({ code: 'custom', path: [], message: `the device "${twice}" is listed twice` });
}

/** This machine as a region. */
export const localRegion = z.strictObject({
  name: configName,
  kind: z.literal('local'),
  /** The folder of its volumes and replicas; `regions/<name>` in the data folder by default. */
  path: pathSetting.optional(),
  /**
   * Keeps engines away from everything but their model and their scratch. `auto` (the default): as far as this machine can.
   * `required`: an engine does not start without it. `off`: engines run as the server's user and read what it reads.
   */
  sandbox: z.enum(['auto', 'required', 'off']).optional(),
  /** The user id of engines, if the server runs as root. Default: one for each instance, from 60600 on. */
  engine_user: z.int().positive().optional(),
  /** The most that HOME, and each folder for temporary files, of an engine in bubblewrap may hold, in memory. Default: 4. */
  scratch_gib: z.number().positive().optional(),
  accelerators: z.array(localAccelerator).default([]).superRefine(refuseSharedDevices),
  /** The part of each accelerator's memory that engines take, unless a launch says it. For engines with such a setting. */
  memory_share: z.number().min(0.05).max(1).optional(),
});

export type LocalRegionConfig = z.output<typeof localRegion>;

export const localSettings: RegionSettings<LocalRegionConfig> = {
  kind: 'local',
  schema: localRegion,
  filesystemSetting: 'path',
  withoutConfig: { name: 'local', kind: 'local', accelerators: [] },
};
