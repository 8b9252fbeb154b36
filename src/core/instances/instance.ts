import { z } from 'zod';
import type { Category } from '../base/categories.ts';
import type { Reason } from '../base/reason.ts';
import type { InstanceState } from './states.ts';

/** The decisions of the launch, as they are stored. Only a scale, a restart or an extension changes them. */
export const instanceSpecSchema = z.object({
  replicas: z.number(),
  regions: z.array(
    z.object({
      region: z.string(),
      runtime: z.string(),
      arguments: z.array(z.string()),
      image: z.string().optional(),
    }),
  ),
  accelerator: z.string().optional(),
  acceleratorCount: z.number().optional(),
  contextLength: z.number().optional(),
  maxSequences: z.number().optional(),
  memoryShare: z.number().optional(),
  quantization: z.string().optional(),
  /** The arguments that the requester gave. A restart with another model plans with them again. */
  extraArguments: z.array(z.string()).optional(),
  allowPickle: z.boolean().optional(),
  /** Absent if an older version launched it: its engines then see the whole filesystem until a restart. */
  modelFolderOnly: z.boolean().optional(),
  /** The files that were accepted. Undefined for downloads, and for instances of older versions. See AcceptedFiles. */
  filesDigest: z.string().optional(),
  reason: z.string().optional(),
  /** The duration that was last given. A restart of a stopped instance counts it again from the start. */
  stopAfter: z.string().optional(),
});
export type InstanceSpec = z.infer<typeof instanceSpecSchema>;

export interface InstanceRegion {
  region: string;
  volume?: string;
  state: InstanceState;
  ready: number;
  restarts: number;
  reason?: Reason;
  urls: string[];
  /** Image of the first ready replica, with its digest. */
  image?: string;
  /** As reported by the engine. 0 if the engine does not report it. */
  contextLength?: number;
  /** When the state was last written. */
  updatedAt: string;
}

export interface Instance {
  id: number;
  /** The model id is this name with the instance's number, and never changes. */
  name: string;
  /** Of the model. Undefined if its row is damaged. */
  category?: Category | undefined;
  /** Id of the model in the registry. */
  registryModelId: string;
  desired: 'running' | 'stopped' | 'deleted';
  spec: InstanceSpec;
  generation: number;
  state: InstanceState;
  ready: number;
  owner: string;
  ownerName: string;
  private: boolean;
  createdAt: string;
  stopAt?: string;
  /** When it was last started after a stop, else when it was launched. */
  startedAt: string;
  regions: InstanceRegion[];
}

/** The name that callers of the instance use, such as `tiny-chat:3`. */
export function modelId(instance: { name: string; id: number }): string {
  return `${instance.name}:${instance.id}`;
}
