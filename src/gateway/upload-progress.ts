import type { IncomingMessage } from 'node:http';
import { fail } from '../core/base/errors.ts';
import type { EcolinkError } from '../core/base/errors.ts';

/** Less than this in one window is no progress. A body of any length may take any time otherwise. */
const leastBytes = 1024;

export interface UploadProgress extends Disposable {
  saw(bytes: number): void;
}

/**
 * Calls `onSlow` once if the body of a request falls silent before its end. `waits`: true while the reader of the body holds
 * the sender back.
 */
export function watchUpload(
  request: IncomingMessage,
  windowMs: number,
  onSlow: (error: EcolinkError) => void,
  waits: () => boolean = () => false,
): UploadProgress {
  let seen = 0;
  const timer = setInterval(() => {
    if (request.complete) return clearInterval(timer);
    if (seen < leastBytes && !waits()) {
      clearInterval(timer);
      return onSlow(tooSlow());
    }
    seen = 0;
  }, windowMs);
  timer.unref();
  return {
    saw(bytes) {
      seen += bytes;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function tooSlow(): EcolinkError {
  return fail('request_too_slow', 'The body of the request stopped arriving before its end.', {
    nextStep: 'Send the whole body without pauses.',
  });
}
