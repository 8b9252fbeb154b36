/** Download progress as instances and volumes show it. */
export interface Progress {
  done: number;
  total: number;
  /** Bytes per second. */
  rate: number;
  seconds_left: number | null;
}

/** Why something is in its state, as it is stored and shown. Codes are in `reasonCodes`. */
export interface Reason {
  code: string;
  message: string;
}
