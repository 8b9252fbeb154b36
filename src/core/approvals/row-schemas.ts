import { z } from 'zod';
import { scopes } from '../base/caller.ts';
import { parseJson } from '../base/parse-json.ts';
import type { Preview } from '../operation/preview.ts';
import { needsSchema } from '../policy/schema.ts';
import { approvalStates } from './states.ts';

// Versions since 0.1 wrote these columns. What one of them wrote must still fit.

const previewSchema: z.ZodType<Preview> = z.object({
  input: z.record(z.string(), z.unknown()),
  summary: z.array(z.string()),
  relied: z.record(z.string(), z.string()),
  costPerHour: z.number().nullish(),
  facts: z.object({
    regions: z.array(z.string()).optional(),
    accelerators: z.array(z.string()).optional(),
    gpus: z.number().optional(),
    costPerHour: z.number().nullish(),
    modelBytes: z.number().optional(),
    licence: z.string().optional(),
    gated: z.boolean().optional(),
    trustRemoteCode: z.boolean().optional(),
    pickle: z.boolean().optional(),
    stopAfter: z.boolean().optional(),
    adds: z.boolean(),
    destroys: z.boolean().optional(),
  }),
  private: z.boolean().optional(),
});

/** A JSON column. A text that is no JSON fails as a missing value does. */
function stored<T>(schema: z.ZodType<T>) {
  return z.string().transform(parseJson).pipe(schema);
}

/** The JSON columns of a row. */
export const documentsSchema = z.object({
  preview: stored(previewSchema),
  needs: stored(needsSchema),
  scopes: stored(z.array(z.enum(scopes))),
  reason: stored(z.object({ code: z.string(), message: z.string() })).nullable(),
  outcome: stored(z.record(z.string(), z.unknown())).nullable(),
});

export const headSchema = z.object({
  state: z.enum(approvalStates),
  source: z.enum(['cli', 'mcp', 'slack', 'http', 'system']),
});
