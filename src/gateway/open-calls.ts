/** Counts open calls and waits for their end. */
export interface OpenCalls {
  /** Call the returned function at the call's end. */
  enter(): () => void;
  /** True from the first `drain` on. The gateway refuses new calls then. */
  closing(): boolean;
  /** Resolves when no call is open, or after `graceMs` milliseconds. */
  drain(graceMs: number): Promise<void>;
}

export function createOpenCalls(): OpenCalls {
  let count = 0;
  let idle: (() => void) | undefined;
  return {
    enter() {
      count++;
      return () => {
        count--;
        if (count === 0) idle?.();
      };
    },
    closing: () => idle !== undefined,
    drain: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        idle = () => {
          clearTimeout(timer);
          resolve();
        };
        if (count === 0) idle();
      }),
  };
}
