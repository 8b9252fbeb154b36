import type { InputField } from '../core/operation/operation.ts';

/**
 * Fills in a field that other given fields imply: `--repo` goes with source `huggingface` only, so nobody has to type
 * `--source`. If the given fields imply two values, it is left out, and the check of the input reports it.
 */
export function inferImplied(fields: readonly InputField[], input: Record<string, unknown>): Record<string, unknown> {
  const implied = new Map<string, Set<string>>();
  for (const { name, onlyWith } of fields) {
    if (input[name] === undefined || onlyWith === undefined || input[onlyWith.field] !== undefined) continue;
    implied.set(onlyWith.field, (implied.get(onlyWith.field) ?? new Set()).add(onlyWith.value));
  }
  const single = [...implied]
    .filter(([, values]) => values.size === 1)
    .map(([field, values]) => [field, [...values][0]]);
  return { ...input, ...Object.fromEntries(single) };
}
