import type { Caller } from '../../src/core/base/caller.ts';
import { plainSpeaker, plainWords, proseSchema } from '../../src/core/base/prose.ts';
import type { Core } from '../../src/core/core.ts';
import { findOperation } from '../../src/core/operations/catalogue.ts';
import { renderOutput } from '../../src/core/operation/render-output.ts';

/** Runs an operation as somebody sends it, with the texts of the output in plain words. */
export async function runPlainly(
  core: Core,
  operation: string,
  input: object,
  caller: Caller,
): Promise<Record<string, unknown>> {
  const output = await core.execute(operation, input, caller);
  const schema = findOperation(operation)?.output;
  return schema === undefined ? output : renderOutput(schema, output, plainSpeaker);
}

/** Matches a text that contains this in plain words, whether it has references or not. */
export function saying(part: string): unknown {
  return {
    asymmetricMatch: (actual: unknown): boolean => {
      const text = proseSchema.safeParse(actual);
      return text.success && plainWords(text.data).includes(part);
    },
    toString: () => `saying ${part}`,
  };
}
