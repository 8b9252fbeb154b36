import { z } from 'zod';
import { parseJson } from '../api/answers.ts';
import type { Claim } from '../api/kinds.ts';
import { annotations } from '../api/names.ts';

const completeSchema = z.object({ uid: z.string(), bytes: z.number().default(0) });

/** The bytes of a complete volume. Undefined if it is incomplete, or if the note belongs to another claim. */
export function completedBytes(claim: Claim): number | undefined {
  const text = claim.metadata.annotations?.[annotations.complete];
  const { data } = completeSchema.safeParse(text === undefined ? undefined : parseJson(text));
  return data?.uid === claim.metadata.uid ? data.bytes : undefined;
}

/** True if the claim is deleted, but pods that mount it keep it. Ended pods count too. */
export function isDeleting(claim: Claim): boolean {
  return claim.metadata.deletionTimestamp !== undefined;
}
