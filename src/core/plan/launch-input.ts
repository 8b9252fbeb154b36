/** The input of a launch, with the field names of the operation. */
export interface LaunchInput {
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
