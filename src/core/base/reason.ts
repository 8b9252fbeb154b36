/** Download progress as instances and volumes show it. */
export interface Progress {
  done: number;
  total: number;
  /** Bytes per second. */
  rate: number;
  seconds_left: number | null;
}

/** A failure as it is stored and shown: a code and a sentence. */
export interface Reason {
  code: string;
  message: string;
}
