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
  accelerators: z.array(z.strictObject(acceleratorShape)).default([]),
});

export type LocalRegionConfig = z.output<typeof localRegion>;

export const localSettings: RegionSettings<LocalRegionConfig> = {
  kind: 'local',
  schema: localRegion,
  filesystemSetting: 'path',
  withoutConfig: { name: 'local', kind: 'local', accelerators: [] },
};
