/** What a launch is asked for, as front ends name it. */
export interface LaunchInput {
  model: string;
  regions?: string[] | undefined;
  replicas?: number | undefined;
  accelerator?: string | undefined;
  accelerator_count?: number | undefined;
  runtime?: string | undefined;
  context_length?: number | undefined;
  arguments?: string[] | undefined;
  allow_pickle?: boolean | undefined;
  private?: boolean | undefined;
}
