import type { V1Job } from '@kubernetes/client-node';
import type { Live } from '../api/kinds.ts';

/** A job is over by its condition and by nothing else: one that counted a failure may complete yet. */
export function endOf(job: Live<V1Job>): 'complete' | 'failed' | undefined {
  const is = (type: string) => job.status?.conditions?.some((each) => each.type === type && each.status === 'True');
  if (is('Complete')) return 'complete';
  return is('Failed') ? 'failed' : undefined;
}
