import { fail } from '../../base/errors.ts';
import { fieldRef, say } from '../../base/prose.ts';

/** The value of a field that a source needs. The schema of the operations cannot require it for one source only. */
export function requireField(value: string | undefined, name: string): string {
  if (value !== undefined) return value;
  throw fail('field_missing', say`The source of the model needs ${fieldRef(name)}.`, {
    nextStep: say`Give ${fieldRef(name)}.`,
    field: name,
  });
}
