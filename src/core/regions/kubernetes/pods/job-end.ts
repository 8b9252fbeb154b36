import type { Job } from '../api/kinds.ts';

/** Only a condition says that a Job is over: a Job that counted a failure may still complete. */
export function endOf(job: Job): 'complete' | 'failed' | undefined {
  const is = (type: string) => job.status?.conditions?.some((each) => each.type === type && each.status === 'True');
  if (is('Complete')) return 'complete';
  return is('Failed') ? 'failed' : undefined;
}
