import type { InstanceState } from './states.ts';
import type { Reason } from '../base/reason.ts';

/** What was decided at launch and stays until somebody scales, restarts or deletes. */
export interface InstanceSpec {
  replicas: number;
  regions: { region: string; runtime: string; arguments: string[]; image?: string }[];
  accelerator?: string;
  acceleratorCount?: number;
  contextLength?: number;
  /** The person's own arguments, to plan again with on another entry. */
  extraArguments?: string[];
  allowPickle?: boolean;
  reason?: string;
  /** The time that was last asked for: a stopped instance gets it anew when it is restarted. */
  stopAfter?: string;
}

export interface InstanceRegion {
  region: string;
  volume?: string;
  state: InstanceState;
  ready: number;
  restarts: number;
  reason?: Reason;
  urls: string[];
  /** What the first ready replica was made from, with its digest. */
  image?: string;
  /** As the engine tells it; 0: it does not. */
  contextLength?: number;
}

export interface Instance {
  id: number;
  /** With the number behind it: the model id, for ever. */
  name: string;
  entryId: string;
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
  regions: InstanceRegion[];
}

export function modelId(instance: { name: string; id: number }): string {
  return `${instance.name}:${instance.id}`;
}
