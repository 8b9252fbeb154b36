import type { Core } from '../../core/core.ts';
import { asEcolinkError } from '../../core/base/errors.ts';
import type { EcolinkError } from '../../core/base/errors.ts';
import { randomId } from '../../core/base/ids.ts';

/** The error to show. An unexpected one is logged, under the reference that the text has. */
export function failureOf({ log }: Core, thrown: unknown, what: string): EcolinkError {
  const reference = randomId('req');
  const error = asEcolinkError(thrown, reference);
  if (error.kind === 'unexpected') log.error({ err: thrown, request: reference }, what);
  return error;
}
