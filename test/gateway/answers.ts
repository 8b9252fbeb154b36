import { z } from 'zod';

const seenSchema = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z.string(),
});

/** The request that an echoing engine saw. */
export function seenIn(json: string): z.output<typeof seenSchema> {
  return seenSchema.parse(JSON.parse(json));
}

const refusalSchema = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
});

/** The error of an answer, as OpenAI's API has it. */
export function refusalIn(json: string): z.output<typeof refusalSchema>['error'] {
  return refusalSchema.parse(JSON.parse(json)).error;
}
