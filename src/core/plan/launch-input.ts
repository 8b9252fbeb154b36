import type { EngineFieldValues } from '../runtimes/launch-fields.ts';

/** The input of a launch, with the field names of the operation. */
export interface LaunchInput extends EngineFieldValues {
  model: string;
  regions?: string[];
  replicas?: number;
  accelerator?: string;
  accelerator_count?: number;
  runtime?: string;
  context_length?: number;
  arguments?: string[];
  allow_pickle?: boolean;
  private?: boolean;
}
