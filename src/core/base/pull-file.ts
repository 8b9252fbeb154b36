import { z } from 'zod';

/** A file to download: its path in the repo, its length, and the hash that the Hub gives for it. */
export const pullFile = z.strictObject({
  path: z.string(),
  size: z.int().nonnegative(),
  /** sha256 of the content, for LFS and Xet files. */
  sha256: z.hex().length(64).optional(),
  /** git blob id (sha1 over `blob <size>\0<content>`), for small files that git itself keeps. */
  blob_id: z.hex().length(40).optional(),
});
export type PullFile = z.infer<typeof pullFile>;

/** The same for files of equal content. Undefined for small files, whose sha256 the Hub does not state. */
export function contentKey({ size, sha256 }: PullFile): string | undefined {
  return sha256 === undefined ? undefined : `${sha256.toLowerCase()}.${size}`;
}
