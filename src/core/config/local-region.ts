import { z } from 'zod';
import { acceleratorShape, configName } from './names.ts';
import { pathSetting } from './paths.ts';
import type { RegionSettings } from './region-settings.ts';

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
  accelerators: z.array(z.strictObject(acceleratorShape)).default([]),
});

export type LocalRegionConfig = z.output<typeof localRegion>;

export const localSettings: RegionSettings<LocalRegionConfig> = {
  kind: 'local',
  schema: localRegion,
  filesystemSetting: 'path',
  withoutConfig: { name: 'local', kind: 'local', accelerators: [] },
};
