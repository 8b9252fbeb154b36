import { z } from 'zod';
import { pullFile } from '../base/pull-file.ts';

/** What to fetch: made once, where the plan is made, so that every region fetches exactly the same. */
export const pullManifest = z.strictObject({
  version: z.literal(1),
  /** The Hub's base URL, without a trailing slash. */
  endpoint: z.string(),
  repo: z.string(),
  /** 40 hex digits, never a branch. */
  commit: z.hex().length(40),
  files: z.array(pullFile).min(1),
});
export type PullManifest = z.infer<typeof pullManifest>;

/** Where, inside a volume, everything lies that is not the model's own. */
export const stateFolder = '.ecolink';
/** Written last, by rename: a tree without it is never mounted and never counts as a hit. */
export const completionFile = `${stateFolder}/complete.json`;

export const completionManifest = pullManifest.extend({ bytes: z.int().nonnegative(), completed_at: z.string() });
export type CompletionManifest = z.infer<typeof completionManifest>;

/** One line each on standard output of `ecolink pull`, as JSON; at most one progress line a second. */
export const pullEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** Bytes that are right and durable or in flight, of all files of the manifest, earlier runs' included. */
    done: z.number(),
    total: z.number(),
    /** Bytes per second, smoothed. */
    rate: z.number(),
    /** Null while no rate is known. */
    seconds_left: z.number().nullable(),
  }),
  z.object({
    type: z.literal('done'),
    bytes: z.number(),
    /** What this run received from the network: 0 over a complete tree. */
    fetched: z.number(),
  }),
  z.object({
    type: z.literal('failed'),
    code: z.string(),
    message: z.string(),
    retryable: z.boolean(),
    /** Bytes that the volume is short of, for `no_space`. */
    missing_bytes: z.number().optional(),
  }),
]);
export type PullEvent = z.infer<typeof pullEvent>;

/** Exit status of `ecolink pull` for each kind of failure; what may heal is tried again by whoever started it. */
export const pullFailures = {
  unexpected: { status: 1, retryable: true },
  bad_manifest: { status: 2, retryable: false },
  hub_unreachable: { status: 10, retryable: true },
  rate_limited: { status: 11, retryable: true },
  stalled: { status: 12, retryable: true },
  checksum_mismatch: { status: 13, retryable: false },
  hub_protocol: { status: 14, retryable: true },
  gated_repo: { status: 20, retryable: false },
  token_refused: { status: 21, retryable: false },
  repo_not_found: { status: 22, retryable: false },
  revision_not_found: { status: 23, retryable: false },
  file_not_found: { status: 24, retryable: false },
  repo_disabled: { status: 25, retryable: false },
  gated_not_requested: { status: 26, retryable: false },
  gated_awaiting_review: { status: 27, retryable: false },
  gated_rejected: { status: 28, retryable: false },
  token_scope: { status: 29, retryable: false },
  no_space: { status: 30, retryable: false },
  not_writable: { status: 31, retryable: false },
  superseded: { status: 32, retryable: false },
  access_refused: { status: 33, retryable: false },
  /** Ended by SIGTERM or SIGINT, in good order. */
  stopped: { status: 143, retryable: true },
} as const;
export type PullFailureCode = keyof typeof pullFailures;
