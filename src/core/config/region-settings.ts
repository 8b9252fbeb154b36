import { z } from 'zod';
import type { acceleratorShape } from './names.ts';

type AcceleratorConfig = z.output<z.ZodObject<typeof acceleratorShape>>;

/** The settings that regions of every kind have. Each kind has more, which only its own code reads. */
export interface RegionConfig {
  name: string;
  kind: string;
  accelerators: readonly AcceleratorConfig[];
  /** The part of each accelerator's memory that engines take, unless a launch says it. */
  memory_share?: number | undefined;
}

/** How regions of one kind stand in the configuration file. */
export interface RegionSettings<C extends RegionConfig = RegionConfig> {
  kind: string;
  /** Accepts no unknown setting. Parsing a parsed value again changes nothing. */
  schema: z.ZodType<C> & z.core.$ZodTypeDiscriminable;
  /** The setting by which a shared filesystem names its storage in such a region. Undefined: it needs none. */
  filesystemSetting?: 'path' | 'claim' | undefined;
  /** The region that exists if the file lists no regions. */
  withoutConfig?: C | undefined;
}
