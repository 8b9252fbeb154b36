import type { Prose } from '../../../base/prose.ts';

/** The result of one check of a region. */
export interface CheckResult {
  state: 'ok' | 'warning' | 'failed';
  said: string;
  /** What to do about it. */
  fix?: Prose | undefined;
}
