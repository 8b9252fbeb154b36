/** How many calls are open, and the wait for their end. */
export interface OpenCalls {
  /** The returned function says that the call is over. */
  enter(): () => void;
  /** True from the first `drain` on: new calls are to be refused. */
  closing(): boolean;
  /** Resolves when no call is open, or after so many milliseconds. */
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
