import { z } from 'zod';

/** A file of a pull: a path inside the repo, its length, and the one hash that the Hub states for it. */
export const pullFile = z.strictObject({
  path: z.string(),
  size: z.int().nonnegative(),
  /** sha256 of the content, for LFS and Xet files. */
  sha256: z.hex().length(64).optional(),
  /** git blob id (sha1 over `blob <size>\0<content>`), for small files kept in git itself. */
  blob_id: z.hex().length(40).optional(),
});
export type PullFile = z.infer<typeof pullFile>;
