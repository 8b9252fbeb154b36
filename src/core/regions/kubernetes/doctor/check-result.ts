/** One thing that was looked at in a region. */
export interface Finding {
  state: 'ok' | 'warning' | 'failed';
  said: string;
  fix?: string;
}
