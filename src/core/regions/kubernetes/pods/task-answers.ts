import { z } from 'zod';
import { errorFromWire, fail, wireErrorSchema } from '../../../base/errors.ts';
import type { EcolinkError } from '../../../base/errors.ts';
import { parseJson } from '../api/answers.ts';

/** What a pod prints about a folder: its files, and the contents of its small JSON files in base64, by path. */
export const folderReport = z.object({
  entries: z.array(
    z.object({
      path: z.string(),
      size: z.number(),
      mtimeMs: z.number(),
      special: z.literal(true).optional(),
      /** Older images do not print it. */
      ownerOnly: z.literal(true).optional(),
    }),
  ),
  contents: z.record(z.string(), z.string()),
  /** The first bytes of files with weights, in base64, by path. Older images do not print them. */
  heads: z.record(z.string(), z.string()).optional(),
  /** See MarkedFile. Older images do not print them. */
  marks: z.record(z.string(), z.string()).optional(),
});
export type FolderReport = z.infer<typeof folderReport>;

/** `content`: base64. */
export const fileAnswer = z.object({ content: z.string() });
/** What is wrong with a volume's files, in words. */
export const verifyAnswer = z.object({ mismatches: z.array(z.string()) });
/** The Hub's HTTP status, or the code of a network error. */
export const probeAnswer = z.object({ hub: z.union([z.number(), z.string()]) });

const failure = z.object({ error: wireErrorSchema });

/** The error that a pod of EcoLink's image printed as its last line. Undefined if it printed none. */
export function printedError(log: string): EcolinkError | undefined {
  const { data } = failure.safeParse(parseJson(lastLine(log)));
  // The status decides for codes that only a newer image knows: a pod that failed is no answer.
  return data && errorFromWire(data.error, 503);
}

/** Throws the error that the pod printed. */
export function readAnswer<T>(log: string, region: string, schema: z.ZodType<T>): T {
  const error = printedError(log);
  if (error) throw error;
  const line = lastLine(log);
  const answer = schema.safeParse(parseJson(line));
  if (answer.success) return answer.data;
  throw fail(
    'not_ecolink_image',
    `A pod of the region ${region} printed no answer of EcoLink: "${line.slice(0, 200)}".`,
    {
      nextStep: `Set ecolink_image of the region to the image of this EcoLink, in the same version.`,
    },
  );
}

function lastLine(log: string): string {
  return log.trim().split('\n').at(-1) ?? '';
}
